# The emulated fp as a real USB device of the guest, and camfs and gphoto2 as its hosts.
# Usage: gadget.sh CARDS
# CARDS holds two DCIM trees, `gphoto` and `camfs`, and in `thumbnails` those of gphoto/DCIM/100SIGMA under gphoto2's names.
# $PYTHON runs camfs.
set -u
cards=$1
here=$(dirname "$0")
. "$here/sections.sh"
work=$(mktemp -d)
mnt=$work/cam
mkdir "$mnt"
big=DCIM/100SIGMA/SDIM0100.DNG

fails() { # LINE COMMAND…: the command fails with status 1 and prints this one line
    line=$1
    shift
    status=0
    said=$("$@" 2>&1) || status=$?
    [ "$status: $said" = "1: $line" ] || { echo "$*: status $status, and it said: $said"; echo "expected: $line"; return 1; }
}

gadgets() { ls /sys/kernel/config/usb_gadget; }
nothing_left() { [ -z "$(gadgets)" ] && ! grep functionfs /proc/mounts && ! ls -d /tmp/camfs-gadget-*; }
holders() { find /proc/[0-9]*/fd -lname '/dev/bus/usb/*' 2>/dev/null | cut -d/ -f3 | sort -u; }
device_is_free() { [ -z "$(holders)" ]; }

camfs() { "$PYTHON" -m camfs "$@"; }

unmount() {
    fusermount3 -u "$mnt"
    wait_for device_is_free
}

no_camera() {
    fails "camfs: no camera found (no USB device of class 06/01/01 or named MTP; for a serial camera give serial:/dev/…, to try without one virtual:sigma-fp)" \
        camfs usb: "$mnt"
    not_mounted "$mnt"
}

gphoto_summary() {
    gphoto2 --summary >"$work/summary"
    grep -x "Model: SIGMA fp" "$work/summary"
    grep -x "  Serial Number: 0000000091234567" "$work/summary"
    grep -x "	StorageDescription: SD card" "$work/summary"
}

gphoto_list() {
    gphoto2 --list-files | sed -n 's/^#[0-9]* *\([^ ]*\) .*/\1/p' | sort >"$work/listed"
    find "$cards/gphoto" -type f -printf '%f\n' | sort | diff - "$work/listed"
}

gphoto_files() {
    mkdir "$work/flat" "$work/got"
    find "$cards/gphoto" -type f -exec cp -t "$work/flat" {} +
    cd "$work/got"
    gphoto2 --get-all-files
    diff -r "$work/flat" "$work/got"
}

gphoto_thumbnails() {
    mkdir "$work/thumbnails"
    cd "$work/thumbnails"
    gphoto2 --folder /store_00010001/DCIM/100SIGMA --get-all-thumbnails
    diff -r "$cards/thumbnails" "$work/thumbnails"
}

killed_predecessor() {
    [ "$stopped" = 137 ]
    [ "$(gadgets)" = camfs-dummy_udc.0 ]
    grep functionfs /proc/mounts
}

controller_in_use() {
    fails "camfs.virtual: no free USB device controller: dummy_udc.0 serves the gadget camfs-dummy_udc.0" \
        "$PYTHON" -m camfs.virtual sigma-fp --gadget
    on_bus
}

camfs_speed() { # stays mounted for the next two sections
    camfs usb: "$mnt"
    size=$(stat -c %s "$mnt/card/$big")
    begin=$(milliseconds)
    dd "if=$mnt/card/$big" of=/dev/null bs=1M
    took=$(($(milliseconds) - begin))
    figure "camfs, dd of $((size / 1000000)) MB: $((size / took / 1000)).$((size / took / 100 % 10)) MB/s"
}

camfs_copy() {
    diff -r "$cards/camfs" "$mnt/card"
    diff -r "$cards/camfs" "$mnt/card" # from the caches
    grep -x "serial: 91234567" "$mnt/.status"
}

in_use() {
    pid=$(holders)
    mkdir "$work/other"
    fails "camfs: usb:1003:c432 is in use by camfs (pid $pid); free it with: kill $pid" camfs usb: "$work/other"
    not_mounted "$work/other"
    cmp "$cards/camfs/$big" "$mnt/card/$big"
    kill "$pid" # as the message says
    wait_for device_is_free
    not_mounted "$mnt"
}

no_permission() { # not even root can open a device node on a file system that is mounted with nodev
    node=$(ls /dev/bus/usb/*/* | grep -v /001$)
    line="camfs: usb:1003:c432: no permission on $node; "
    line="${line}install the udev rule with: sudo camfs --install-units, or as a last resort use sudo"
    mount --bind /dev/bus/usb /dev/bus/usb
    mount -o remount,bind,nodev /dev/bus/usb
    fails "$line" camfs usb: "$mnt"
    umount /dev/bus/usb
}

unplug() {
    copy=$work/copy
    cp -r "$cards/camfs" "$copy"
    camfs usb: "$mnt"
    ls "$mnt/card/DCIM"
    (while cat "$mnt/card/$big" >/dev/null; do :; done) 2>"$work/reader" &
    reader=$!
    head -c 1 "$mnt/card/$big" >/dev/null
    udc=$(udc_file)
    controller=$(cat "$udc")
    echo >"$udc"
    begin=$(milliseconds)
    says_gone ls "$mnt/card"
    figure "unplugged, until ls has failed: $(($(milliseconds) - begin)) ms"
    wait "$reader" || :
    grep "No such device" "$work/reader"
    says_gone ls "$mnt/card/DCIM"
    says_gone find "$mnt/card" -type f
    says_gone head -c 1 "$mnt/card/$big"
    if rsync -a --delete "$mnt/card/" "$copy/"; then return 1; fi
    diff -r "$cards/camfs" "$copy"
    unmount
    echo "$controller" >"$udc"
    wait_for on_bus
}

replug() { # the emulated camera works again when its cable is put in again
    camfs usb: "$mnt"
    cmp "$cards/camfs/$big" "$mnt/card/$big"
    unmount
}

unbound() { # the cable is pulled at random moments of a copy, and put in again: nothing wrong is read, and it works in the end
    camfs usb: "$mnt" -o timeout=2,cache=1M
    udc=$(udc_file)
    controller=$(cat "$udc")
    for milliseconds in 0 40 400 900; do
        (
            until cp "$mnt/card/$big" "$work/$milliseconds" 2>>"$work/unbound"; do sleep 0.2; done
            cmp "$cards/camfs/$big" "$work/$milliseconds"
        ) &
        reader=$!
        sleep "$(printf '0.%03d' "$milliseconds")"
        echo >"$udc"
        sleep 0.3
        echo "$controller" >"$udc"
        patience=60 wait_for cmp "$cards/camfs/lengths/513.JPG" "$mnt/card/lengths/513.JPG"
        wait "$reader"
        rm "$work/$milliseconds"
    done
    unmount
}

stopped_cleanly() {
    [ "$stopped" = 0 ]
    nothing_left
}

slow_link() { # a megabyte takes longer than the time-out of a read
    camfs usb: "$mnt"
    for length in 513 1048564 1048576; do
        cmp "$cards/camfs/lengths/$length.JPG" "$mnt/card/lengths/$length.JPG"
    done
    unmount
}

pipes() {
    "$PYTHON" "$here/gadget_pipes.py" "$cards/camfs/lengths/1048577.JPG"
    wait_for device_is_free
}

events() { # on the interrupt pipe: a picture that the camera takes appears in a directory that has been read before
    camfs usb: "$mnt"
    find "$mnt/card" -type f | sort >"$work/before"
    echo 1 >"$mnt/.capture"
    find "$mnt/card" -type f | sort >"$work/after"
    cat "$mnt/.events"
    [ "$(comm -13 "$work/before" "$work/after" | wc -l)" = 1 ]
    grep -q ObjectAdded "$mnt/.events"
    unmount
}

gphoto_preview() {
    cd "$work"
    gphoto2 --capture-preview
    [ "$(head -c 3 capture_preview.jpg | od -An -tx1)" = " ff d8 ff" ]
    [ "$(tail -c 2 capture_preview.jpg | od -An -tx1)" = " ff d9" ]
}

gphoto_shots() { # each in a session of its own: libgphoto2 always clears entry 0, so its second shot in a session is blocked
    mkdir "$work/shots"
    cd "$work/shots"
    gphoto2 --capture-image-and-download
    gphoto2 --capture-image-and-download
    [ "$(ls | wc -l)" = 2 ]
    [ "$(exiftool -q -q -if '$ImageWidth == 1200' -p '$FileName' * | wc -l)" = 2 ]
}

gphoto_settings() { # gphoto2 reads what camfs reads; what gphoto2 writes, the camera takes and gphoto2 reads again
    cd "$work"
    gphoto2 --get-config shutterspeed >said
    grep -x "Current: 1/80" said
    gphoto2 --get-config aperture >said
    grep -x "Current: 4.0" said
    gphoto2 --set-config shutterspeed=1/500 --get-config shutterspeed --debug --debug-logfile=log1 >said
    grep -x "Current: 1/500" said
    gphoto2 --set-config aperture=5.6 --get-config aperture --debug --debug-logfile=log2 >said
    grep -x "Current: 4.0" said # gphoto2 writes it where the camera expects another field (tests/README.md, "Peers")
    "$PYTHON" "$here/gphoto_writes.py" log1 "shutter-speed=1/500" log2 "aperture=auto"
}

unlocked() { # gphoto2 leaves the body locked; mounting releases it, and then camfs reads what gphoto2 has read
    ! grep CloseApplication "$work/trace"
    camfs usb: "$mnt"
    grep CloseApplication "$work/trace"
    grep -x "control: no" "$mnt/.status"
    [ "$(cat "$mnt/.settings/shutter-speed")" = 1/80 ]
    [ "$(cat "$mnt/.settings/aperture")" = f/4 ]
    echo 1 >"$mnt/.capture"
    cat "$mnt/imagedb/"* >/dev/null
    unmount
    [ "$(grep -c CloseApplication "$work/trace")" = 2 ]
}

section no-camera no_camera

serve sigma-fp --card "$cards/gphoto" --operations=-9035 # if ConfigApi is listed, libgphoto2 takes control at once
section gphoto-summary gphoto_summary
section gphoto-list gphoto_list
section gphoto-files gphoto_files
section gphoto-thumbnails gphoto_thumbnails
stop KILL
wait_for off_bus
section killed-predecessor killed_predecessor

serve sigma-fp --card "$cards/camfs"
section controller-in-use controller_in_use
section camfs-speed camfs_speed
section camfs-copy camfs_copy
section in-use in_use
section no-permission no_permission
section unplug unplug
section replug replug
section unbound unbound
stop TERM
section stopped-by-term stopped_cleanly

serve sigma-fp --card "$cards/camfs" --bandwidth 400000
section slow-link slow_link
section pipes pipes
stop INT
section stopped-by-int stopped_cleanly

serve sigma-fp --settings exposure-mode:manual,shutter-speed:1/80,aperture:f/4.0 --snap_time 0.05 --trace "$work/trace"
section gphoto-preview gphoto_preview
section gphoto-shots gphoto_shots
section gphoto-settings gphoto_settings
section unlocked unlocked
stop TERM

serve ptp
section events events
stop TERM
