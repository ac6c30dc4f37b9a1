//! Fields that say how a service tells that it is ready. Each is not ready for a while, and then is.

use std::net::TcpListener;

use super::service::{register, script, up};
use crate::scenario::Stage;

/// A service becomes ready after a while by `act`, and no command returns before.
#[track_caller]
fn becomes_ready(stage: &dyn Stage, act: &str, field: &str) {
    let before = format!("{}/before", stage.folder());
    up(stage, &script(&format!("sleep 0.5; echo >{before}; {act}"), field));
    assert!(stage.read(&before).is_some(), "register returned before it was ready");
    stage.anysvc(&["wait", "x", "--for", "ready"]).ends(0);
    stage.anysvc(&["status", "x", "--probe"]).ends(0).says("ready");
}

/// One that never does is told, with its last lines, and runs on.
#[track_caller]
fn never(stage: &dyn Stage, field: &str) {
    stage.anysvc(&["unregister", "x"]).ends(0);
    let silent =
        script("echo waiting for the sun; exec sleep 1000", &format!("{field}\nready.timeout = '3s'"));
    register(stage, &silent).ends(11).complains("ready").complains("waiting for the sun");
    let status = stage.status("x");
    assert_eq!((&status["state"], &status["desired"]), (&"running".into(), &"up".into()), "{status}");
}

/// A port that nobody uses. Laboratories share the machine's.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its number").port()
}

/// A newline on the descriptor.
pub fn notify_fd(stage: &dyn Stage) {
    becomes_ready(stage, "echo >&4; exec sleep 1000", "ready.notify-fd = 4");
    assert_eq!(stage.status("x")["ready"], true);
    never(stage, "ready.notify-fd = 4");
    assert_eq!(stage.status("x")["ready"], false);
}

/// A datagram to NOTIFY_SOCKET, of the main process: that of one which is gone when it is read is nobody's.
pub fn sd_notify(stage: &dyn Stage) {
    let tell = r#"exec perl -MSocket -e '
        ($to = $ENV{NOTIFY_SOCKET}) =~ s/^@/\0/;
        socket($socket, AF_UNIX, SOCK_DGRAM, 0) && send($socket, "READY=1", 0, sockaddr_un($to)) || die $!;
        sleep 1000'"#;
    becomes_ready(stage, tell, "ready.sd-notify = true");
    assert_eq!(stage.status("x")["ready"], true);
    never(stage, "ready.sd-notify = true");
}

/// A command that succeeds, run as the service's user.
pub fn check(stage: &dyn Stage) {
    let file = format!("{}/is-ready", stage.folder());
    let field = format!("ready.check = ['/usr/bin/test', '-e', '{file}']");
    becomes_ready(stage, &format!("touch {file}; exec sleep 1000"), &field);
    never(stage, "ready.check = ['false']");
}

/// A port that accepts.
pub fn port(stage: &dyn Stage) {
    let port = free_port();
    becomes_ready(stage, &serving(port), &format!("ready.port = {port}"));
    never(stage, &format!("ready.port = {}", free_port()));
}

/// A page that answers, with a status below 400.
pub fn http(stage: &dyn Stage) {
    let port = free_port();
    becomes_ready(stage, &serving(port), &format!("ready.http = 'http://127.0.0.1:{port}/'"));
    never(stage, &format!("ready.http = 'http://127.0.0.1:{}/'", free_port()));
    stage.anysvc(&["unregister", "x"]).ends(0);
    let absent = format!("ready = {{ http = 'http://127.0.0.1:{port}/no-such-page', timeout = '1s' }}");
    register(stage, &script(&serving(port), &absent)).ends(11).complains("404");
}

/// A server of one page. (In Perl, which every Debian has.)
fn serving(port: u16) -> String {
    let serve = r#"exec perl -MIO::Socket::INET -e '
        $SIG{PIPE} = "IGNORE";
        $listener = IO::Socket::INET->new(LocalAddr => "127.0.0.1:PORT", Listen => 9, ReuseAddr => 1) || die $!;
        while ($caller = $listener->accept) {
            $asked = <$caller>;
            while (<$caller> =~ /\S/) {}
            print $caller "HTTP/1.0 ", $asked =~ m{^GET / } ? "200 OK" : "404 Not Found", "\r\n\r\n";
            close $caller;
        }'"#;
    serve.replace("PORT", &port.to_string())
}
