# Emulated bodies of makers as real USB devices of the guest, with gphoto2 and camfs as their hosts.
# $PYTHON runs camfs.
set -u
here=$(dirname "$0")
. "$here/sections.sh"
work=$(mktemp -d)
mnt=$work/cam
mkdir "$mnt"

holders() { find /proc/[0-9]*/fd -lname '/dev/bus/usb/*' 2>/dev/null | cut -d/ -f3 | sort -u; }
device_is_free() { [ -z "$(holders)" ]; }

nikon_settings() {
    gphoto2 --summary >"$work/summary"
    grep -x "Manufacturer: Nikon Corporation" "$work/summary"
    gphoto2 --set-config iso=400 --set-config f-number=f/5.6 --set-config shutterspeed=0.0020s
    gphoto2 --get-config iso --get-config f-number >"$work/said"
    grep -x "Current: 400" "$work/said"
    grep -x "Current: f/5.6" "$work/said"
}

nikon_shots() {
    mkdir "$work/shots"
    cd "$work/shots"
    gphoto2 --capture-image-and-download --filename one.jpg
    gphoto2 --capture-image-and-download --filename two.jpg
    gphoto2 --capture-preview
    for file in one.jpg two.jpg capture_preview.jpg; do
        [ "$(head -c 3 $file | od -An -tx1)" = " ff d8 ff" ]
        [ "$(tail -c 2 $file | od -An -tx1)" = " ff d9" ]
    done
    ! cmp one.jpg two.jpg
}

nikon_camfs() { # camfs reads what gphoto2 has set, takes a picture to this computer, and gives the body back
    "$PYTHON" -m camfs usb: "$mnt" -o "spool=$work/spool"
    [ "$(cat "$mnt/.settings/iso")" = 400 ]
    [ "$(cat "$mnt/.settings/aperture")" = f/5.6 ]
    [ "$(cat "$mnt/.settings/shutter-speed")" = 1/500 ]
    [ "$(cat "$mnt/.control")" = 0 ]
    echo computer >"$mnt/.settings/destination"
    echo 1 >"$mnt/.capture"
    [ "$(cat "$mnt/.control")" = 1 ]
    cat "$mnt/imagedb/"*.JPG >/dev/null
    fusermount3 -u "$mnt"
    wait_for device_is_free
    [ "$(ls "$work/spool" | wc -l)" = 1 ]
    [ "$(grep ChangeCameraMode "$work/trace" | tail -n 1 | grep -o 'params": \[[01]')" = 'params": [0' ]
}

serve nikon --snap_time 0.05 --trace "$work/trace"
section nikon-settings nikon_settings
section nikon-shots nikon_shots
section nikon-camfs nikon_camfs
stop TERM
