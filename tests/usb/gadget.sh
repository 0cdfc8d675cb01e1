# The emulated fp as a real USB device of the guest, and camfs and gphoto2 as its hosts.
# Usage: gadget.sh CARDS
# CARDS has two folders of DCIM trees, `gphoto` and `camfs`, and `thumbnails`, those of gphoto/DCIM/100SIGMA as gphoto2 names them.
# $PYTHON runs camfs. Each section leaves NAME.status and NAME.output in /scratch; `figures` gets "NAME: VALUE" lines.
set -u
cards=$1
here=$(dirname "$0")
work=$(mktemp -d)
mnt=$work/cam
mkdir "$mnt"
big=DCIM/100SIGMA/SDIM0100.DNG

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

section() { # NAME COMMAND…
    name=$1
    shift
    begin=$(milliseconds)
    (set -eu; "$@") >"/scratch/$name.output" 2>&1
    echo $? >"/scratch/$name.status"
    echo "$name: $((($(milliseconds) - begin) / 1000)) s" >>/scratch/figures
}

wait_for() { # COMMAND…: until it succeeds, 20 s at most
    attempts=200
    until "$@"; do
        attempts=$((attempts - 1))
        [ $attempts -gt 0 ] || { echo "waited in vain for: $*" >&2; return 1; }
        sleep 0.1
    done
}

fails() { # LINE COMMAND…: the command fails with status 1 and says this one line
    line=$1
    shift
    status=0
    said=$("$@" 2>&1) || status=$?
    [ "$status: $said" = "1: $line" ] || { echo "$*: status $status, and it said: $said"; echo "expected: $line"; return 1; }
}

says_gone() { # COMMAND…: the command fails with ENODEV
    if said=$("$@" 2>&1); then echo "$* succeeded: $said"; return 1; fi
    case $said in *"No such device"*) ;; *) echo "$* said: $said"; return 1 ;; esac
}

on_bus() { grep -qsx 06 /sys/bus/usb/devices/*:*/bInterfaceClass; }
off_bus() { ! on_bus; }
gadgets() { ls /sys/kernel/config/usb_gadget; }
udc_file() { echo /sys/kernel/config/usb_gadget/*/UDC; }
nothing_left() { [ -z "$(gadgets)" ] && ! grep functionfs /proc/mounts && ! ls -d /tmp/camfs-gadget-*; }
holders() { find /proc/[0-9]*/fd -lname '/dev/bus/usb/*' 2>/dev/null | cut -d/ -f3 | sort -u; }
device_is_free() { [ -z "$(holders)" ]; }
is_mounted() { grep -q " $1 fuse" /proc/mounts; }
not_mounted() { ! is_mounted "$1"; }

serve() { # ARGUMENT…: starts an emulated camera as $server
    "$PYTHON" -m camfs.virtual "$@" --gadget >>/scratch/server.output 2>&1 &
    server=$!
    wait_for on_bus || exit 1
}

stop() { # SIGNAL: ends it
    kill "-$1" "$server"
    wait "$server"
    stopped=$?
}

camfs() { "$PYTHON" -m camfs "$@"; }

unmount() {
    fusermount3 -u "$mnt"
    wait_for device_is_free
}

no_camera() {
    fails "camfs: no camera found (no USB device of class 06/01/01; to try without a camera give virtual:sigma-fp)" \
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

camfs_speed() { # stays mounted for the next two
    camfs usb: "$mnt"
    size=$(stat -c %s "$mnt/card/$big")
    begin=$(milliseconds)
    dd "if=$mnt/card/$big" of=/dev/null bs=1M
    took=$(($(milliseconds) - begin))
    echo "camfs, dd of $((size / 1000000)) MB: $((size / took / 1000)).$((size / took / 100 % 10)) MB/s" >>/scratch/figures
}

camfs_copy() {
    diff -r "$cards/camfs" "$mnt/card"
    diff -r "$cards/camfs" "$mnt/card" # from the caches
    grep -x "serial: 0000000091234567" "$mnt/.status"
}

in_use() {
    pid=$(holders)
    mkdir "$work/other"
    fails "camfs: usb:1003:c432 is in use by camfs (pid $pid); free it with: kill $pid" camfs usb: "$work/other"
    not_mounted "$work/other"
    cmp "$cards/camfs/$big" "$mnt/card/$big"
    kill "$pid" # as it says
    wait_for device_is_free
    not_mounted "$mnt"
}

no_permission() { # a device node on a file system without devices cannot be opened, not even by root
    node=$(ls /dev/bus/usb/*/* | grep -v /001$)
    line="camfs: usb:1003:c432: no permission on $node; "
    line="${line}add a udev rule that gives it TAG+=\"uaccess\", or as a last resort use sudo"
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
    echo "unplugged, until ls has failed: $(($(milliseconds) - begin)) ms" >>/scratch/figures
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

replug() { # the emulated camera goes on where its cable is put in again
    camfs usb: "$mnt"
    cmp "$cards/camfs/$big" "$mnt/card/$big"
    unmount
}

stopped_cleanly() {
    [ "$stopped" = 0 ]
    nothing_left
}

slow_link() { # a megabyte takes longer than a read is waited for
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

events() { # the interrupt pipe: a picture that the camera takes appears in a directory that was read before
    camfs usb: "$mnt"
    find "$mnt/card" -type f | sort >"$work/before"
    echo 1 >"$mnt/.capture"
    find "$mnt/card" -type f | sort >"$work/after"
    cat "$mnt/.events"
    [ "$(comm -13 "$work/before" "$work/after" | wc -l)" = 1 ]
    grep -q ObjectAdded "$mnt/.events"
    unmount
}

section no-camera no_camera

serve sigma-fp --card "$cards/gphoto" --operations=-9035 # with ConfigApi listed, libgphoto2 takes control at once
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
stop TERM
section stopped-by-term stopped_cleanly

serve sigma-fp --card "$cards/camfs" --bandwidth 400000
section slow-link slow_link
section pipes pipes
stop INT
section stopped-by-int stopped_cleanly

serve ptp
section events events
stop TERM
