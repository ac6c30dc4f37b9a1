# The set-up of the systemd laboratory: runs in fresh PID and mount namespaces, and goes on for
# as long as the laboratory lives. Started by tests/src/systemd_lab/mod.rs, with:
#   LAB_TREE     the tree that all laboratories start from; it is not changed
#   LAB_ANYSVC   the built tree to copy to /opt/anysvc, or empty
#   LAB_NAME     the name of the machine, not in use by another
#   LAB_CGROUPS  the folders of its own in the machine's cgroup hierarchies, one a line
set -eu
umask 022
lab=/media

# They are counted by user over all laboratories, of which each takes some twenty: a manager without says
# "Too many open files", and does not boot. (Where it can't be raised, few at once still boot.)
limit=/proc/sys/fs/inotify/max_user_instances
if [ "$(cat "$limit")" -lt 1024 ]; then echo 1024 2>/dev/null >"$limit" || true; fi

mount -t tmpfs -o mode=755 lab "$lab"
mkdir "$lab/upper" "$lab/work" "$lab/root"
mount -t overlay -o "lowerdir=$LAB_TREE,upperdir=$lab/upper,workdir=$lab/work" lab "$lab/root"
# nspawn keeps notes of its machines there, which nobody would remove after a kill.
mount -t tmpfs -o mode=755 lab /run
if [ -n "$LAB_ANYSVC" ]; then cp -r "$LAB_ANYSVC" "$lab/root/opt/anysvc"; fi

# Without a place of its own, two managers would take each other's control groups for theirs.
echo "$LAB_CGROUPS" | while read -r own; do
    # (cpuset's are closed until configured, which no one needs.)
    echo $$ 2>/dev/null >"$own/cgroup.procs" || [ "${own#*/cpuset/}" != "$own" ]
done

# A reboot of the machine ends nspawn with 133; it is for us to start it again.
code=133
while [ "$code" = 133 ]; do
    code=0
    systemd-nspawn --quiet --directory="$lab/root" --machine="$LAB_NAME" --boot --register=no --keep-unit \
        --private-network --resolv-conf=off --timezone=off --link-journal=no --console=read-only \
        >>"$lab/console.log" || code=$?
done
exit "$code"
