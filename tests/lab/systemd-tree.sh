# Makes the tree that systemd laboratories start from: $1, a folder that does not exist yet.
# Run by tests/src/systemd_lab/tree.rs, which keeps the result until this file changes.
set -eu
tree=$1
debootstrap --variant=minbase --include=systemd,dbus,libpam-systemd,dbus-user-session bookworm "$tree" >&2

for user in app:10000 other:10001; do
    chroot "$tree" useradd --create-home --user-group --uid "${user#*:}" --shell /bin/sh "${user%:*}"
    chmod 700 "$tree/home/${user%:*}"
done
mkdir -p "$tree/var/lib/systemd/linger"
: >"$tree/var/lib/systemd/linger/app"

# What would run now and then, or ask for a terminal, is not what is looked at here.
rm -rf "$tree"/etc/systemd/system/*.wants "$tree"/var/lib/apt/lists/* "$tree"/var/cache/apt/*
# Mounts of the kernel's own file systems are of the machine's kernel; and systemd 252 holds mount
# jobs back while /proc/self/mountinfo changes often, at times for ever.
for unit in console-getty.service dev-hugepages.mount dev-mqueue.mount sys-fs-fuse-connections.mount \
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount; do
    ln -s /dev/null "$tree/etc/systemd/system/$unit"
done
