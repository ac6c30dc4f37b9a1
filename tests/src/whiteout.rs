//! A tar archive of overlayfs whiteouts: character devices 0/0, each of which hides the file
//! of its name in the layer below.

/// The archive that hides `names`, as tar reads it (ustar). Names are at most 99 bytes.
pub(crate) fn archive(names: &[String]) -> Vec<u8> {
    let mut tar = Vec::new();
    for name in names {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        let zero = b"0000000\0";
        // Mode, uid, gid; size and time; device numbers.
        for field in [100, 108, 116, 329, 337] {
            header[field..field + 8].copy_from_slice(zero);
        }
        for field in [124, 136] {
            header[field..field + 12].copy_from_slice(b"00000000000\0");
        }
        header[156] = b'3';
        header[257..265].copy_from_slice(b"ustar\x0000");
        // The checksum counts its own field as spaces.
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        tar.extend_from_slice(&header);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}
