#!/bin/busybox sh
# PID 1 of the guest: makes the host's root file system writable in memory, runs one script in it, powers off.
# Powers off after $lifetime seconds in any case.
# /control (9p) carries `script` and `environment` in, `output` and `status` out.
/bin/busybox mkdir -p /bin /proc /sys /dev /lower /upper /root /control
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
while read -r module; do insmod "$module" || echo "guest: insmod $module failed"; done </modules
{ sleep "${lifetime:?}"; poweroff -f -n; } &

share="trans=virtio,version=9p2000.L,msize=512000"
mount -t 9p -o "$share,cache=none" control /control || poweroff -f -n
mount -t 9p -o "$share,cache=loose,ro" root /lower || poweroff -f -n
mount -t tmpfs -o size=75% tmpfs /upper
mkdir /upper/changes /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/changes,workdir=/upper/work overlay /root || poweroff -f -n

mkdir -p /dev/pts /dev/shm /root/scratch
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t configfs configfs /sys/kernel/config
for folder in dev proc sys; do mount --rbind /$folder /root/$folder; done
mount -t tmpfs tmpfs /root/run
mkdir /root/run/lock /root/run/home /root/run/guest
mount --bind /control /root/run/guest
mount -t 9p -o "$share,cache=none" scratch /root/scratch || poweroff -f -n
ifconfig lo 127.0.0.1 up

echo "guest: ready"
chroot /root /usr/bin/env -i /bin/sh -c '. /run/guest/environment; cd "$HOME"; exec /bin/sh /run/guest/script' \
    >/control/output 2>&1 </dev/null
echo $? >/control/status
poweroff -f -n  # without sync(), which a FUSE mount left behind could hold up
