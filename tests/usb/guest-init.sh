#!/bin/busybox sh
# PID 1 of the guest: makes the host's root file system writable in memory, runs one script in it, itself or through systemd, and powers
# off; in any case after $lifetime seconds.
# /control (9p) carries `script`, `environment` and, for systemd, `etc` in, `output` and `status` out.
/bin/busybox mkdir -p /bin /proc /sys /dev /lower /upper /root /control
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "$module" || echo "guest: insmod $module failed"; done </modules
mount -t tmpfs -o size=75% tmpfs /upper
cp /bin/busybox /upper # this copy outlives the initramfs
{ sleep "${lifetime:?}"; exec /upper/busybox poweroff -f -n; } &

share="trans=virtio,version=9p2000.L,msize=512000"
mount -t 9p -o "$share,cache=none" control /control || poweroff -f -n
mount -t 9p -o "$share,cache=loose,ro" root /lower || poweroff -f -n
mkdir /upper/changes /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /root || poweroff -f -n

mkdir -p /dev/pts /dev/shm /root/scratch
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t configfs configfs /sys/kernel/config
mount -t tmpfs -o mode=755 tmpfs /root/run
mkdir /root/run/lock /root/run/home /root/run/guest
mount -t 9p -o "$share,cache=none" scratch /root/scratch || poweroff -f -n
modules=/lib/modules/$(uname -r)
if [ -d "$modules" ] && [ ! -d "/root$modules" ]; then # for modprobe; a host that runs this same kernel has more modules
    mkdir -p /root/lib/modules
    cp -r "$modules" /root/lib/modules
fi
ifconfig lo 127.0.0.1 up

echo "guest: ready"
if [ "$manager" = systemd ]; then
    mount -t tmpfs -o mode=755 tmpfs /root/etc/systemd/system # so that nothing starts because this machine has enabled it
    cp -r /control/etc /root
    : >/root/etc/fstab
    rm -f /root/.dockerenv # it would make systemd think that the guest is a container
    for folder in dev proc sys; do mount --move /$folder /root/$folder; done
    mount --move /control /root/run/guest
    exec env -i /bin/switch_root /root /lib/systemd/systemd
fi
for folder in dev proc sys; do mount --rbind /$folder /root/$folder; done
mount --bind /control /root/run/guest
chroot /root /usr/bin/env -i /bin/sh -c '. /run/guest/environment; cd "$HOME"; exec /bin/sh /run/guest/script' \
    >/control/output 2>&1 </dev/null
echo $? >/control/status
poweroff -f -n  # without sync(), which a FUSE mount that was left behind could block
