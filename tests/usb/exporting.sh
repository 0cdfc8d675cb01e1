# A mounted camera exported by the kernel's NFS server and by Samba, each with a client on loopback.
# Usage: exporting.sh CARD
# CARD is the folder that the camera's card shows. $PYTHON runs camfs.
set -u
card=$1
. "$(dirname "$0")/sections.sh"
cam=/srv/cam client=/mnt/client
patience=60
few=60 # inodes, of 160; the kernel counts them in whole pages of memory
mount -t tmpfs tmpfs /srv # the root of NFS 4, since the guest's overlay cannot be exported
mkdir -p "$cam" "$client"
folder=DCIM/100SIGMA/deep/deeper
big=$folder/SDIM0100.DNG

mount_camera() { "$PYTHON" -m camfs "virtual:ptp?card=$card" "$cam" -o allow_other,default_permissions; }

known_inodes() {
    echo 1 >/sys/kernel/slab/fuse_inode/shrink # so that the next line counts right
    awk '$1 == "fuse_inode" { print $2 }' /proc/slabinfo
}


drop_caches() { # pages, names and inodes; client and server are the same kernel here
    echo 3 >/proc/sys/vm/drop_caches
}

knows_fewer_than() { # NUMBER: with NFS 3, the server keeps files and so their inodes open for some seconds
    drop_caches
    [ "$(known_inodes)" -lt "$1" ]
}

copied() { # the client sees the same names, times and bytes
    diff -r "$card" "$client/card"
    (cd "$card" && find . -type f -printf '%P %s %TY-%Tm-%Td %TH:%TM\n' | sort) >"$own/here"
    (cd "$client/card" && find . -type f -printf '%P %s %TY-%Tm-%Td %TH:%TM\n' | sort) >"$own/there"
    diff "$own/here" "$own/there"
}

camera() {
    mount_camera
    diff -r "$card" "$cam/card"
}

nfs_server() {
    echo "/srv 127.0.0.1(ro,fsid=0,no_subtree_check)" >/etc/exports
    echo "$cam 127.0.0.1(ro,fsid=120,no_subtree_check)" >>/etc/exports
    systemctl start nfs-server
    exportfs -v
}

nfs() { # VERSION PATH
    mount -t nfs -o "vers=$1,nolock,ro" "127.0.0.1:$2" "$client"
    grep " $client nfs" /proc/mounts
    copied
    echo "inodes of the camera that the kernel knows: $(known_inodes)"
    wait_for knows_fewer_than $few
    copied
}

held_handles() { # a client goes on with files that it has open although the server has forgotten all about them
    cd "$client/card/$folder"
    exec 3<SDIM0100.DNG
    head -c 100000 <&3 >"$own/begin"
    drop_caches
    cat <&3 >"$own/rest"
    cat "$own/begin" "$own/rest" | cmp - "$card/$big"
    exec 3<&-
    wait_for knows_fewer_than $few
    ls
    cmp SDIM0100.DNG "$card/$big"
    cmp ../SDIM0001.JPG "$card/$folder/../SDIM0001.JPG"
}

read_only() {
    says "Read-only file system" touch "$client/card/new"
    says "Read-only file system" rm "$client/card/$big"
}

mounted_again() { # the camera is mounted again at the same place: an old handle is stale, never another file; the client's mount lives on
    cd "$client/card/$folder"
    exec 3<SDIM0100.DNG
    head -c 10 <&3 >"$own/begin"
    inode=$(stat -c %i SDIM0100.DNG)
    cd /
    exportfs -ua
    exportfs -f
    umount "$cam"
    wait_for not_mounted "$cam"
    mount_camera
    ls -i "$cam/card/DCIM/many" | grep "^ *$inode " # another file has this number now
    diff -r "$card" "$cam/card"
    exportfs -a
    drop_caches
    says "tale file handle" cmp - "$card/$big" <&3
    exec 3<&-
    copied
}

samba() {
    cat >/etc/samba/smb.conf <<'END'
[global]
    map to guest = bad user
    load printers = no
    disable spoolss = yes
    interfaces = lo
    bind interfaces only = yes
[cam]
    path = /srv/cam
    read only = yes
    guest ok = yes
END
    systemctl start smbd
    mkdir "$own/smb"
    cd "$own/smb"
    smbclient --no-pass -c 'recurse; prompt; cd card/DCIM; mget 100SIGMA' //127.0.0.1/cam
    diff -r "$card/DCIM/100SIGMA" "$own/smb/100SIGMA"
}

section camera camera
section nfs-server nfs_server
section nfs4 nfs 4.2 /cam
section nfs4-held-handles held_handles
section nfs4-read-only read_only
umount "$client"
section nfs3 nfs 3 "$cam"
section nfs3-held-handles held_handles
section nfs3-read-only read_only
section nfs3-camera-mounted-again mounted_again
section samba samba
