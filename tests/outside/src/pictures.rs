//! Pictures for tests: a PNG written out by hand, as plain as the format allows, so that no library
//! of ours has a part in it.

/// A PNG of this size, of one colour.
///
/// # Panics
/// When a line of it is longer than one plain block of the format.
#[must_use]
pub fn png(width: u16, height: u16, colour: [u8; 3]) -> Vec<u8> {
    let mut line = vec![0];
    for _ in 0..width {
        line.extend_from_slice(&colour);
    }
    let size = u16::try_from(line.len()).expect("a narrow picture");
    // A block of plain bytes for each line.
    let mut packed = vec![0x78, 0x01];
    for row in 1..=height {
        packed.push(u8::from(row == height));
        packed.extend_from_slice(&size.to_le_bytes());
        packed.extend_from_slice(&(!size).to_le_bytes());
        packed.extend_from_slice(&line);
    }
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in line.iter().cycle().take(line.len() * usize::from(height)) {
        low = (low + u32::from(*byte)) % 65_521;
        high = (high + low) % 65_521;
    }
    packed.extend_from_slice(&((high << 16) | low).to_be_bytes());
    let (wide, high) = (u32::from(width).to_be_bytes(), u32::from(height).to_be_bytes());
    let head = [&wide[..], &high, &[8, 2, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &head), chunk(b"IDAT", &packed), chunk(b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat()].concat()
}

/// A PNG that says it is so large, and has nothing of it.
#[must_use]
pub fn hollow(width: u32, height: u32) -> Vec<u8> {
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 6, 0, 0, 0]].concat();
    let parts = [chunk(b"IHDR", &head), chunk(b"IDAT", b"\x78\x9c"), chunk(b"IEND", b"")];
    [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat()].concat()
}

/// A part of a PNG with its checksum.
fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [&kind[..], data].concat();
    let mut crc = u32::MAX;
    for byte in &body {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    let length = u32::try_from(data.len()).expect("short").to_be_bytes();
    [&length[..], &body, &(!crc).to_be_bytes()].concat()
}
