//! What units are called, and their paths on D-Bus, which are made from the names: so that nobody has to
//! be asked for them.

use std::fmt::Write as _;

/// systemd's own limit, in bytes.
const LONGEST: usize = 255;
/// The kinds of units.
const KINDS: [&str; 11] = [
    ".service",
    ".socket",
    ".target",
    ".timer",
    ".mount",
    ".automount",
    ".swap",
    ".path",
    ".slice",
    ".scope",
    ".device",
];

/// The unit of a service's name: with its kind where the name has none. `None` for what can be no unit.
pub(crate) fn unit_of(name: &str) -> Option<String> {
    let has_kind = KINDS.iter().any(|kind| name.ends_with(kind));
    let unit = if has_kind { name.to_owned() } else { format!("{name}.service") };
    let prefix = &unit[..unit.rfind('.')?];
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":_.\\-@".contains(&byte);
    // A template is no unit, and neither is an instance of nothing.
    let named = !prefix.is_empty() && !prefix.starts_with('@') && !prefix.ends_with('@');
    (named && unit.len() <= LONGEST && unit.bytes().all(allowed)).then_some(unit)
}

/// The name of one of our services by its unit; a foreign one's is the unit's own.
pub(crate) fn service_of(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}

/// A unit's path on D-Bus.
pub(super) fn path_of(unit: &str) -> String {
    let mut path = "/org/freedesktop/systemd1/unit/".to_owned();
    for (at, byte) in unit.bytes().enumerate() {
        if byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit()) {
            path.push(byte.into());
        } else {
            // Writing to a string can't fail.
            let _ = write!(path, "_{byte:02x}");
        }
    }
    path
}

/// The unit of a path.
pub(super) fn unit_at(path: &str) -> Option<String> {
    let mut escaped = path.strip_prefix("/org/freedesktop/systemd1/unit/")?.bytes();
    let mut unit = Vec::new();
    while let Some(byte) = escaped.next() {
        unit.push(match byte {
            b'_' => {
                let mut digit = || char::from(escaped.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(unit).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_a_kind_is_a_service() {
        assert_eq!(unit_of("web").as_deref(), Some("web.service"));
        assert_eq!(unit_of("getty@tty1.service").as_deref(), Some("getty@tty1.service"));
        assert_eq!(unit_of("a.b").as_deref(), Some("a.b.service"));
        assert_eq!(unit_of("-.mount").as_deref(), Some("-.mount"));
        for wrong in ["", "a b", "a/b", "ä", "getty@", "getty@.service", "@x", ".service", &"x".repeat(250)]
        {
            assert_eq!(unit_of(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn paths_are_those_of_systemd() {
        // As `busctl tree org.freedesktop.systemd1` shows them.
        for (unit, path) in [
            ("dbus.service", "dbus_2eservice"),
            ("getty@tty1.service", "getty_40tty1_2eservice"),
            ("-.mount", "_2d_2emount"),
            ("0a_b.service", "_30a_5fb_2eservice"),
        ] {
            assert_eq!(path_of(unit), format!("/org/freedesktop/systemd1/unit/{path}"));
            assert_eq!(unit_at(&path_of(unit)).as_deref(), Some(unit));
        }
        for wrong in ["/org/freedesktop/systemd1/job/1", "/org/freedesktop/systemd1/unit/a_2", "/"] {
            assert_eq!(unit_at(wrong), None, "{wrong}");
        }
    }
}
