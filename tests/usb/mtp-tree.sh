# Compares a mounted USB camera with the folder that it serves: the listing and a copy must be the same, byte for byte.
# Usage: mtp-tree.sh SOURCE FIGURES COMMAND [ARGUMENT…]
# COMMAND with a mount point as its last argument mounts the camera. FIGURES gets "NAME: SECONDS" lines.
# A folder named $EXCEPT is listed but not copied.
set -eu
source=$1 figures=$2
shift 2

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

# figure NAME COMMAND…: runs a command and writes down how long it took
figure() {
    name=$1
    shift
    begin=$(milliseconds)
    quietly "$@"
    took=$(($(milliseconds) - begin))
    printf '%s: %d.%03d\n' "$name" $((took / 1000)) $((took % 1000)) >>"$figures"
}

mount_to_tree() {
    "$@" "$mnt" && ls "$mnt"/*/
}

listing() { (cd "$1" && find . -type d -printf '%y %P\n' -o -printf '%y %s %P\n' | LC_ALL=C sort); }

# quietly COMMAND…: runs a command that should print nothing; if it fails, shows the beginning of what it printed
quietly() {
    doing=$*
    "$@" >"$work/said" 2>&1 || { echo "failed: $*"; head -n 60 "$work/said"; exit 1; }
}

device_is_held() { ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q /dev/bus/usb/; }

work=$(mktemp -d)
mnt=$work/mnt
mkdir "$mnt"
trap 'fusermount3 -u "$mnt" 2>/dev/null || :; rm -rf "$work/copy"' EXIT
trap 'echo "killed while: $doing"; exit 143' TERM

figure 'mount to tree' mount_to_tree "$@"
set -- "$mnt"/*/
[ $# = 1 ] || { echo "one store expected: $*"; exit 1; }
store=${1%/}

figure 'ls -l 1,000' ls -l "$store/small"
figure 'again' ls -l "$store/small"
figure 'head -c 65536' head -c 65536 "$store/DCIM/100CAMFS/SDIM0001.DNG"
figure 'dd 60 MB' dd if="$store/DCIM/100CAMFS/SDIM0002.DNG" of=/dev/null bs=1M status=none
figure 'again' dd if="$store/DCIM/100CAMFS/SDIM0002.DNG" of=/dev/null bs=1M status=none

doing='listing everything'
listing "$source" >"$work/listing-source"
listing "$store" >"$work/listing-camera"
quietly diff "$work/listing-source" "$work/listing-camera"
quietly rsync -r ${EXCEPT:+"--exclude=$EXCEPT"} "$store/" "$work/copy/"
quietly diff -r ${EXCEPT:+"--exclude=$EXCEPT"} "$source" "$work/copy"

fusermount3 -u "$mnt"
rmdir "$mnt"
attempts=100
while device_is_held; do
    attempts=$((attempts - 1))
    [ $attempts -gt 0 ] || { echo "the USB device is still held 10 s after the unmount"; exit 1; }
    sleep 0.1
done
