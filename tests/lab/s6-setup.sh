# The set-up of the s6 laboratory: PID 1 of fresh PID and mount namespaces runs this
# and becomes s6-svscan. Started by tests/src/s6_start.rs, which documents the knobs:
#   LAB_SCANDIR  root | shared | nested | user   whose /run/service is, and whether a tree of app's is below
#   LAB_FACTS    whole | no-basedir | other-pid1 | no-proc | hide-pid | comm-unreadable
#   LAB_ANYSVC   the built tree to put at /opt/anysvc, or empty
#   LAB_IN_PLACE 1 to mount it there, read-only, instead of copying it; or empty
#   LAB_SVSCAN   more arguments for s6-svscan, or empty
#   LAB_IMAGE    a folder whose content is in the image and its volumes, or empty
#   LAB_BOOT     a program that process 1 is first, which becomes the s6-svscan, or empty
# Standard input is a tar of overlayfs "whiteouts", one for each command to be hidden
# (mknod would cost a process each, two thirds of the whole start). Standard output is
# the pipe on which s6-svscan says that it is ready.
#
# Everything lives in one tmpfs that becomes the root, so that nothing of the machine
# can be changed from inside, and nothing but /usr and /dev of it is seen.
set -eu
umask 022
new=/media

mount -t tmpfs -o mode=755 lab "$new"
cd "$new"
mkdir -p .usr/bin .usr/lib command dev etc/anysvc home/app home/other old opt proc root run/s6/basedir \
    run/s6/container_environment run/service srv sys tmp usr var/lib var/log var/tmp
chmod 1777 tmp var/tmp
chmod 700 root
ln -s /run var/run
for d in bin lib lib32 lib64 libx32 sbin; do
    if [ -L "/$d" ]; then cp -P "/$d" .; elif [ -d "/$d" ]; then mkdir "$d" && mount --rbind "/$d" "$d"; fi
done

# The commands are in /command and nowhere on PATH, as s6-overlay has them. Debian's call
# each other by absolute path; "/usr/bin/" and "/command/" have the same length, so the
# copies (and libs6) can be made to look where they now are. What /usr/bin/execlineb
# wraps is in execline's own folder.
cp /usr/bin/s6* /usr/lib/execline/bin/* command/
for lib in /usr/lib/*/libs6.so.*.*; do
    mkdir -p ".usr/${lib#/usr/}" && rmdir ".usr/${lib#/usr/}"
    cp -P "$lib" ".usr/${lib#/usr/}"
    [ -L "$lib" ] || libs6=".usr/${lib#/usr/}"
done
LC_ALL=C sed -i 's#/usr/bin/s6#/command/s6#g' command/s6* "$libs6"
tar -xf - -C .usr/bin
mount -t overlay -o "ro,lowerdir=$new/.usr:/usr" usr usr
mount --rbind /dev dev
mount -t proc proc proc

cp -a /etc/ld.so.cache /etc/alternatives etc/
cat >etc/passwd <<-'END'
	root:x:0:0:root:/root:/bin/sh
	app:x:10000:10000:app:/home/app:/bin/sh
	other:x:10001:10001:other:/home/other:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
END
cat >etc/group <<-'END'
	root:x:0:
	app:x:10000:
	other:x:10001:
	nogroup:x:65534:
END
printf 'passwd: files\ngroup: files\n' >etc/nsswitch.conf
chown 10000:10000 home/app
chown 10001:10001 home/other
chmod 700 home/app home/other

cat >command/with-contenv <<-'END'
	#!/command/execlineb -S0
	emptyenv -p
	s6-envdir -f -L -- /run/s6/container_environment
	exec -- $@
END
chmod 755 command/with-contenv
echo 'from the container' >run/s6/container_environment/CONTAINER_VAR
echo '/command:/usr/bin:/bin' >run/s6/container_environment/PATH
echo '/root' >run/s6/container_environment/HOME

if [ -n "$LAB_ANYSVC" ] && [ -n "$LAB_IN_PLACE" ]; then
    mkdir opt/anysvc
    mount --bind "$LAB_ANYSVC" opt/anysvc
    mount -o remount,bind,ro opt/anysvc
elif [ -n "$LAB_ANYSVC" ]; then
    cp -r "$LAB_ANYSVC" opt/anysvc
fi
if [ -n "$LAB_IMAGE" ]; then cp -a "$LAB_IMAGE/." .; fi

user=
case $LAB_SCANDIR in
shared)
    # As an image does that hands its scandir over: app may add services and ask for a rescan.
    mkdir -p run/service/.s6-svscan
    mkfifo -m 600 run/service/.s6-svscan/control
    chown 10000:10000 run/service run/service/.s6-svscan/control
    ;;
user)
    chown -R 10000:10000 run/service run/s6
    user='setpriv --reuid 10000 --regid 10000 --clear-groups'
    ;;
nested)
    mkdir -p run/app/service run/service/app-tree
    chown -R 10000:10000 run/app
    echo 3 >run/service/app-tree/notification-fd
    echo 10000 >run/service/app-tree/timeout-kill
    printf '#!/command/execlineb -P\ns6-setuidgid app s6-svscan -d3 -- /run/app/service\n' >run/service/app-tree/run
    chmod 755 run/service/app-tree/run
    printf '[backend.s6]\nscandir = "/run/{user}/service"\n' >etc/anysvc/config.toml
    ;;
esac

pivot_root . old
cd /
umount -l /old
rmdir /old

svscan="$user env -i PATH=/command:/usr/bin:/bin $LAB_BOOT /command/s6-svscan -d3 $LAB_SVSCAN -- /run/service"
case $LAB_FACTS in
no-basedir) rmdir /run/s6/basedir ;;
no-proc) umount -l /proc ;;
hide-pid) mount -o remount,hidepid=2 /proc ;;
comm-unreadable) mount --bind /proc/1/mem /proc/1/comm ;;
esac
exec 3>&1 >>/var/log/container.log 2>&1 </dev/null
cd /run
if [ "$LAB_FACTS" = other-pid1 ]; then
    $svscan &
    exec 3>&- env -i sleep infinity
fi
exec $svscan
