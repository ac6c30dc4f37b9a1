//! Where the file is that this code was loaded from, so that the supervisor is of the same one, wherever
//! the command found it. It must not know what is done with it.

use std::{fs, path::PathBuf};

/// The folder of our library; `None` when this code is part of a program, or the file was replaced.
pub fn folder() -> Option<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    // The address of any function of ours.
    let path = PathBuf::from(mapped(&maps, folder as *const () as usize)?);
    let is_library = path.file_name().is_some_and(|name| name == "libanysvc_local.so");
    if is_library && path.is_file() { path.parent().map(PathBuf::from) } else { None }
}

/// The file behind an address, in the lines of `/proc/PID/maps`: `FROM-TO PERMISSIONS OFFSET DEVICE INODE
/// PATH`.
fn mapped(maps: &str, address: usize) -> Option<&str> {
    maps.lines().find_map(|line| {
        let (range, rest) = line.split_once(' ')?;
        let (from, to) = range.split_once('-')?;
        let number = |text| usize::from_str_radix(text, 16).ok();
        let within = (number(from)?..number(to)?).contains(&address);
        within.then(|| rest.find('/').map(|at| &rest[at..])).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_behind_an_address_is_found() {
        let maps = "1000-2000 r--p 00000000 08:01 42   /usr/lib/a b.so\n\
                    2000-3000 r-xp 00001000 08:01 42   /usr/lib/a b.so\n\
                    3000-4000 rw-p 00000000 00:00 0 \n";
        assert_eq!(mapped(maps, 0x2fff), Some("/usr/lib/a b.so"));
        assert_eq!(mapped(maps, 0x3000), None);
        assert_eq!(mapped(maps, 0x4000), None);
    }

    #[test]
    fn a_program_that_has_it_inside_is_no_library() {
        assert_eq!(folder(), None);
    }
}
