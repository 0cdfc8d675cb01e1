# Plug and play: the udev rule, the units and mount(8) with the emulated fp as a real USB device, under systemd, for a user who sits at
# the computer.
# Usage: plugging.sh CARD
# CARD is the folder that the camera's card shows. $PYTHON runs camfs.
set -u
card=$1
. "$(dirname "$0")/sections.sh"
patience=60
user=photographer runtime=/run/user/4000
unit=camfs@usb:0000000091234567.service
mnt=$runtime/camfs/usb:0000000091234567
system_unit=camfs-system@usb:1003:c432.service
system_mnt=/run/camfs/usb:1003:c432
picture=DCIM/100SIGMA/SDIM0001.JPG

as_user() { runuser -u $user -- env "XDG_RUNTIME_DIR=$runtime" "$@"; }
user_systemctl() { as_user systemctl --user "$@"; }
state() { user_systemctl show -P "$1" $unit; }
status_text_has() { case $(state StatusText) in *"$1"*) ;; *) return 1 ;; esac; }
is_active() { [ "$(state ActiveState)" = active ]; }
users_list() { as_user find "$1" -type f -printf '%i %s %P\n' | sort; }
device() { grep -l 1003 /sys/bus/usb/devices/*/idVendor | xargs dirname; }
node() { udevadm info --query=property --property=DEVNAME --value "$(device)"; }

plug_in() {
    on_bus || echo dummy_udc.0 >"$(udc_file)"
    wait_for on_bus
}

unplug() {
    echo >"$(udc_file)"
    wait_for off_bus
}

the_user() { # with a session on the first screen
    for folder in "$(dirname "$(readlink -f "$PYTHON")")" "$(dirname "$PYTHON")" "$PYTHONPATH" "$card"; do # they may lie in a home
        while [ "$folder" != / ]; do
            chmod o+rx "$folder"
            folder=$(dirname "$folder")
        done
    done
    useradd --create-home --uid 4000 --shell /bin/sh $user
    cat >/run/systemd/system/session.service <<END
[Service]
User=$user
PAMName=login
TTYPath=/dev/tty1
StandardInput=tty-force
StandardOutput=null
ExecStart=/bin/sleep infinity
END
    systemctl start session
    wait_for test -S $runtime/systemd/private
    loginctl
    [ "$(loginctl show-seat --property=ActiveSession --value seat0)" ]
}

install_units() {
    rm -f /etc/udev/rules.d/70-camfs.rules /etc/systemd/*/camfs*.service # those of this machine
    "$PYTHON" -m camfs --install-units | tee "$own/first"
    grep -q "^notified udev" "$own/first"
    "$PYTHON" -m camfs --install-units | tee "$own/second"
    [ "$(grep -c "is up to date$" "$own/second")" = "$(wc -l <"$own/second")" ]
}

plugged_in() {
    wait_for is_mounted $mnt
    wait_for is_active
    as_user diff -r "$card" $mnt/card
    users_list $mnt/card >"$own/inodes"
    udevadm info --query=property --property=CURRENT_TAGS --value "$(device)" | tee "$own/tags"
    grep :systemd: "$own/tags"
    grep :uaccess: "$own/tags"
    says "Permission denied" ls $mnt/card # root is no user of this mount
}

permission() { # for the user of the seat alone
    as_user test -w "$(node)"
    if runuser -u nobody -- test -w "$(node)"; then return 1; fi
}

status() {
    user_systemctl --no-pager status $unit
    [ "$(state Type) $(state ActiveState) $(state SubState)" = "notify active running" ]
    [ "$(state StatusText)" ]
    state StatusText
}

gone() {
    unplug
    begin=$(milliseconds)
    says_gone as_user ls $mnt/card
    figure "unplugged, until ls has failed: $(($(milliseconds) - begin)) ms"
    says_gone as_user ls $mnt
    says_gone as_user cat $mnt/card/$picture
    wait_for status_text_has gone
    [ "$(state ActiveState)" = active ]
    is_mounted $mnt
}

reattached() { # the same mount, the same inode numbers
    pid=$(state MainPID)
    plug_in
    wait_for as_user test -e $mnt/card/$picture
    as_user diff -r "$card" $mnt/card
    users_list $mnt/card | diff "$own/inodes" -
    [ "$(state MainPID)" = "$pid" ]
    state StatusText
    unplug
}

stopped() {
    user_systemctl stop $unit
    not_mounted $mnt
    [ ! -e $mnt ]
    [ "$(state Result)" = success ]
}

plugged_in_again() { # after its unit was stopped
    plug_in
    wait_for is_mounted $mnt
    as_user cmp "$card/$picture" $mnt/card/$picture
}

logged_out() { # with the session the user's systemd ends, and the mount with it
    systemctl stop session
    wait_for not_mounted $mnt
    wait_for test ! -e $runtime
    plugged=$(ps -C python3,camfs,python -o args= | grep -v camfs.virtual || :)
    [ -z "$plugged" ] || { echo "$plugged"; return 1; }
}

system_wide() { # no user is logged in
    systemctl start $system_unit || { systemctl --no-pager status $system_unit; return 1; }
    is_mounted $system_mnt
    systemctl --no-pager status $system_unit
    runuser -u nobody -- diff -r "$card" $system_mnt/card
    systemctl stop $system_unit
    not_mounted $system_mnt
    [ ! -e $system_mnt ]
}

mount_command() {
    ln -s "$(dirname "$PYTHON")/camfs" /usr/local/bin/camfs # where mount(8) looks
    mkdir /mnt/cam
    mount -t fuse.camfs -o allow_other usb:1003:c432 /mnt/cam
    findmnt --noheadings /mnt/cam
    runuser -u nobody -- cmp "$card/$picture" /mnt/cam/card/$picture
    umount /mnt/cam
}

fstab() {
    mkdir -p /mnt/cam
    echo "usb: /mnt/cam fuse.camfs noauto,allow_other 0 0" >>/etc/fstab
    mount /mnt/cam
    cmp "$card/$picture" /mnt/cam/card/$picture
    umount /mnt/cam
    not_mounted /mnt/cam
}

automount() {
    mkdir -p /mnt/auto
    echo "usb:1003:c432 /mnt/auto fuse.camfs noauto,x-systemd.automount,allow_other,default_permissions 0 0" >>/etc/fstab
    systemctl daemon-reload
    systemctl start mnt-auto.automount
    runuser -u nobody -- cmp "$card/$picture" /mnt/auto/card/$picture
    findmnt --noheadings /mnt/auto
    systemctl stop mnt-auto.automount
    wait_for not_mounted /mnt/auto
}

serve_vendor_class() { # named or described: an MTP device
    wait_for device_is_away
    "$PYTHON" -m tests.usb.vendor_gadget "$1" >>/scratch/server.output 2>&1 &
    server=$!
    patience=120 wait_for mtp_device || exit 1
}

mtp_device() { grep -lsx ff /sys/bus/usb/devices/*:*/bInterfaceClass; }
device_is_away() { [ ! -e /sys/kernel/config/usb_gadget/camfs-dummy_udc.0 ]; }
mtp_node() {
    udevadm settle
    udevadm info --query=property --property="$1" --value "$(dirname "$(dirname "$(mtp_device)")")/$(basename "$(dirname "$(mtp_device)")" | cut -d: -f1)"
}

vendor_class_by_name() { # found by the name that the kernel has read, given to the user, and mounted
    "$PYTHON" -m camfs --list | tee "$own/listed"
    [ "$(wc -l <"$own/listed")" = 1 ]
    mtp_node CURRENT_TAGS | grep :uaccess:
    "$PYTHON" -m camfs --doctor | grep "can be opened$" | grep "^ok    usb "
    mkdir -p /mnt/player
    "$PYTHON" -m camfs usb: /mnt/player
    [ "$(find /mnt/player -type f | tee "$own/files" | wc -l)" -ge 3 ] || { cat "$own/files"; return 1; }
    find /mnt/player -type f -exec cat {} + >/dev/null
    fusermount3 -u /mnt/player
}

vendor_class_by_descriptor() { # not listed, since nobody asked it; asked and mounted when it is named
    [ ! "$("$PYTHON" -m camfs --list)" ]
    if mtp_node CURRENT_TAGS | grep :uaccess:; then return 1; fi
    says "no camera found" "$PYTHON" -m camfs usb: /mnt/player
    "$PYTHON" -m camfs --doctor | grep "does not say what it is"
    source=usb:$(mtp_node ID_VENDOR_ID):$(mtp_node ID_MODEL_ID)
    "$PYTHON" -m camfs "$source" /mnt/player
    [ "$(find /mnt/player -type f | tee "$own/files" | wc -l)" -ge 3 ] || { cat "$own/files"; return 1; }
    find /mnt/player -type f -exec cat {} + >/dev/null
    fusermount3 -u /mnt/player
}

section user the_user
section install-units install_units
serve sigma-fp --card "$card"
section plugged-in plugged_in
section permission permission
section status status
section gone gone
section reattached reattached
section stopped stopped
section plugged-in-again plugged_in_again
section logged-out logged_out
section system-wide system_wide
section mount-command mount_command
section fstab fstab
section automount automount
stop TERM
serve_vendor_class named
section vendor-class-by-name vendor_class_by_name
stop TERM
serve_vendor_class described
section vendor-class-by-descriptor vendor_class_by_descriptor
stop TERM
