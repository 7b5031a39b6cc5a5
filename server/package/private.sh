#!/bin/sh
# private.sh FOLDER COMMAND…: runs a command as root on a private copy of the file system, where
# FOLDER/given lies at /mnt. What it writes lives in memory and is gone with it. It is called in
# namespaces of its own: unshare --mount --pid --fork --kill-child.
set -e
folder=$1
shift
mkdir -p "$folder/copy"
mount -t tmpfs tmpfs "$folder/copy"
cd "$folder/copy"
mkdir upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
mount -t proc proc root/proc
mount --bind /dev root/dev
mount -t tmpfs -o mode=1777 tmpfs root/tmp
mount --bind "$folder/given" root/mnt
exec chroot root "$@"
