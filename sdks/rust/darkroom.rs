//! Signs Darkroom image URLs: Rust 1.60 or later, no crate; SHA-256 and HMAC stand below.
//!
//! ```ignore
//! let images = Darkroom::new("https://img.example.com", &std::env::var("DARKROOM_SIGNING_KEY")?, &[])?;
//! images.url("listings/42/front.jpg", "card", &Options { suffix: "@800w.avif", ..Options::default() })?;
//! images.url("listings/42/front.jpg", "large", &Options { version: Some("3"), ..Options::default() })?;
//! ```
//!
//! Errors are sentences that name the option.

use std::collections::HashMap;

/// Signs with one key.
pub struct Darkroom {
    base_url: String,
    key: Vec<u8>,
    own_formats: HashMap<String, String>,
}

/// What one URL may carry; the default is nothing.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// `@2x`, `@640w`, `.avif` or both.
    pub suffix: &'a str,
    /// Unix seconds.
    pub expires_at: Option<i64>,
    /// The name under which browsers save the picture instead of showing it.
    pub download: Option<&'a str>,
    /// The shop's own version of the original.
    pub version: Option<&'a str>,
    /// Names and texts of the preset's variables, in any order.
    pub variables: Vec<(&'a str, &'a str)>,
}

impl Darkroom {
    /// `key`: the server's signing key, hex. `own_formats`: the format of each preset that has one, such as
    /// `("thumb", "webp")`: the server redirects a suffix that repeats it, so it is left out.
    pub fn new(base_url: &str, key: &str, own_formats: &[(&str, &str)]) -> Result<Self, String> {
        let host = base_url.strip_prefix("https://").or_else(|| base_url.strip_prefix("http://"));
        if host.map_or(true, |host| host.is_empty() || host.starts_with('/')) {
            return Err("base_url must begin with https:// or http://.".into());
        }
        if key.len() < 64 || key.len() % 2 != 0 || !key.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err("The signing key must be hex of at least 32 bytes.".into());
        }
        let byte = |at: usize| u8::from_str_radix(&key[at..at + 2], 16).unwrap_or_default();
        Ok(Darkroom {
            base_url: base_url.trim_end_matches('/').into(),
            key: (0..key.len()).step_by(2).map(byte).collect(),
            own_formats: own_formats.iter().map(|(preset, format)| (preset.to_string(), format.to_string())).collect(),
        })
    }

    /// The whole URL.
    pub fn url(&self, id: &str, preset: &str, options: &Options) -> Result<String, String> {
        Ok(format!("{}{}", self.base_url, self.path(id, preset, options)?))
    }

    /// The URL without the host.
    pub fn path(&self, id: &str, preset: &str, options: &Options) -> Result<String, String> {
        if !is_text(id, 1, 512) || id.starts_with('/') || climbs(id) {
            return Err(format!("{id:?} cannot be the id of an image."));
        }
        let named_well = |sign: u8| sign.is_ascii_alphanumeric() || b"_,:-".contains(&sign);
        if preset.is_empty() || preset.len() > 1024 || !preset.bytes().all(named_well) {
            return Err(format!("{preset:?} is no preset."));
        }
        let named = parameters(options)?;
        let signed = match named.as_slice() {
            [] => format!("darkroom:v1\n{preset}\n{id}\n"),
            [(name, seconds)] if name == "exp" => format!("darkroom:v1\n{preset}\n{id}\n{seconds}"),
            several => several
                .iter()
                .fold(format!("darkroom:v2\n{preset}\n{id}"), |text, (name, value)| format!("{text}\n{name}={value}")),
        };
        let signature = base64url(&hmac_sha256(&self.key, signed.as_bytes())[..16]);
        let suffix = self.canonical(preset, options.suffix)?;
        // A CDN could collapse doubled slashes; then all stand encoded.
        let raw = if id.split('/').any(str::is_empty) { "'" } else { "'/" };
        let mut path = format!("/{signature}/{preset}{suffix}/{}", encode(id, raw));
        for (at, (name, value)) in named.iter().enumerate() {
            path += &format!("{}{name}={}", if at == 0 { '?' } else { '&' }, encode(value, ""));
        }
        Ok(path)
    }

    fn canonical(&self, preset: &str, suffix: &str) -> Result<String, String> {
        let (size, format) = match suffix.find(|sign: char| sign == '.' || sign == 'x' || sign == 'w') {
            // The point of `@1.5x` is no format's.
            Some(_) if suffix.starts_with('@') => {
                let end = suffix.find(|sign| sign == 'x' || sign == 'w').map_or(0, |at| at + 1);
                suffix.split_at(end)
            }
            _ => ("", suffix),
        };
        let pinned = format.strip_prefix('.').unwrap_or("");
        let is_format = format.is_empty() || (!pinned.is_empty() && pinned.bytes().all(|sign| sign.is_ascii_lowercase()));
        if !is_format || !is_size(size) {
            return Err(format!("{suffix:?} is no suffix: it reads @2x, @640w, .webp or @640w.webp."));
        }
        let inline = preset.split(',').find_map(|part| part.strip_prefix("f_"));
        let own = self.own_formats.get(preset).map(String::as_str).or(inline);
        let size = if size == "@1x" { "" } else { size };
        Ok(if own == Some(pinned) { size.into() } else { format!("{size}{format}") })
    }
}

/// `@<number>x`, `@<whole number>w` or nothing; numbers have no zeros that could be left out.
fn is_size(size: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    let whole = |text: &str| digits(text) && !text.starts_with('0');
    match (size.strip_prefix('@'), size.chars().last()) {
        (None, _) => size.is_empty(),
        (Some(rest), Some('w')) => whole(&rest[..rest.len() - 1]),
        (Some(rest), Some('x')) => match rest[..rest.len() - 1].split_once('.') {
            None => rest == "0x" || whole(&rest[..rest.len() - 1]),
            Some((before, after)) => (before == "0" || whole(before)) && digits(after) && !after.ends_with('0'),
        },
        _ => false,
    }
}

/// Names and values in the order in which they are signed.
fn parameters(options: &Options) -> Result<Vec<(String, String)>, String> {
    let mut named = Vec::new();
    if let Some(download) = options.download {
        named.push(text("dl".into(), download, 1, 200)?);
    }
    match options.expires_at {
        Some(seconds) if seconds <= 0 => return Err("expires_at must be unix seconds.".into()),
        Some(seconds) if seconds > 99_999_999_999 => {
            return Err("expires_at is in milliseconds: it must be unix seconds.".into())
        }
        Some(seconds) => named.push(("exp".into(), seconds.to_string())),
        None => {}
    }
    let mut variables = options.variables.clone();
    variables.sort_unstable();
    let twice = variables.windows(2).any(|pair| pair[0].0 == pair[1].0);
    let sign = |sign: u8| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == b'_' || sign == b'.';
    let named_well = |name: &str| (1..=30).contains(&name.len()) && name.bytes().all(sign);
    if twice || variables.len() > 8 || !variables.iter().all(|(name, _)| named_well(name)) {
        return Err("variables: at most 8, with names of a-z, 0-9, _ and . up to 30 long.".into());
    }
    for (name, value) in variables {
        named.push(text(format!("t.{name}"), value, 0, 256)?);
    }
    if let Some(version) = options.version {
        named.push(text("v".into(), version, 1, 128)?);
    }
    Ok(named)
}

fn text(name: String, value: &str, least: usize, most: usize) -> Result<(String, String), String> {
    if is_text(value, least, most) {
        return Ok((name, value.into()));
    }
    Err(format!("{name} is no text of {least} to {most} bytes without control characters."))
}

fn is_text(value: &str, least: usize, most: usize) -> bool {
    (least..=most).contains(&value.len()) && !value.chars().any(char::is_control)
}

/// An HTTP origin may decode once more than it should, so encoded dots and slashes count as decoded.
fn climbs(id: &str) -> bool {
    let mut reading = id.to_string();
    loop {
        if reading.contains('\0') || reading.split(|sign| sign == '/' || sign == '\\').any(|part| part == "." || part == "..") {
            return true;
        }
        let mut next = String::new();
        let mut rest = reading.as_str();
        while let Some(at) = rest.find('%') {
            let disguised = match rest.get(at + 1..at + 3).map(str::to_ascii_lowercase).as_deref() {
                Some("25") => Some('%'),
                Some("2e") => Some('.'),
                Some("2f") => Some('/'),
                Some("5c") => Some('\\'),
                Some("00") => Some('\0'),
                _ => None,
            };
            next.push_str(&rest[..at]);
            next.push(disguised.unwrap_or('%'));
            rest = &rest[at + if disguised.is_some() { 3 } else { 1 }..];
        }
        next.push_str(rest);
        if next == reading {
            return false;
        }
        reading = next;
    }
}

/// As JavaScript's encodeURIComponent, save for the apostrophe, which stands in `raw` where it is not encoded.
fn encode(text: &str, raw: &str) -> String {
    let stands = |sign: u8| sign.is_ascii_alphanumeric() || b"_.!~*()-".contains(&sign) || raw.as_bytes().contains(&sign);
    text.bytes().map(|sign| if stands(sign) { char::from(sign).to_string() } else { format!("%{sign:02X}") }).collect()
}

/// RFC 4648, 5, without padding.
fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().chain([0, 0].iter()).take(3).fold(0u32, |bits, byte| bits << 8 | u32::from(*byte));
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]));
        }
    }
    out
}

/// RFC 2104.
fn hmac_sha256(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0u8; 64];
    if key.len() > 64 {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let pad = |by: u8| block.iter().map(|byte| byte ^ by).collect::<Vec<u8>>();
    let inner = sha256(&[pad(0x36).as_slice(), text].concat());
    sha256(&[pad(0x5c).as_slice(), &inner].concat())
}

/// FIPS 180-4, 6.2.
fn sha256(text: &[u8]) -> [u8; 32] {
    #[rustfmt::skip]
    const K: [u32; 64] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];
    let mut state: [u32; 8] =
        [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
    let mut padded = text.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(text.len() as u64 * 8).to_be_bytes());
    for block in padded.chunks(64) {
        let mut w = [0u32; 64];
        for at in 0..16 {
            w[at] = u32::from_be_bytes([block[4 * at], block[4 * at + 1], block[4 * at + 2], block[4 * at + 3]]);
        }
        for at in 16..64 {
            let s0 = w[at - 15].rotate_right(7) ^ w[at - 15].rotate_right(18) ^ (w[at - 15] >> 3);
            let s1 = w[at - 2].rotate_right(17) ^ w[at - 2].rotate_right(19) ^ (w[at - 2] >> 10);
            w[at] = w[at - 16].wrapping_add(s0).wrapping_add(w[at - 7]).wrapping_add(s1);
        }
        let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
        for at in 0..64 {
            let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
            let choice = (e & f) ^ (!e & g);
            let t1 = h.wrapping_add(s1).wrapping_add(choice).wrapping_add(K[at]).wrapping_add(w[at]);
            let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
            let majority = (a & b) ^ (a & c) ^ (b & c);
            let t2 = s0.wrapping_add(majority);
            h = g;
            g = f;
            f = e;
            e = d.wrapping_add(t1);
            d = c;
            c = b;
            b = a;
            a = t1.wrapping_add(t2);
        }
        for (sum, word) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
            *sum = sum.wrapping_add(word);
        }
    }
    let mut out = [0u8; 32];
    for (at, word) in state.iter().enumerate() {
        out[4 * at..4 * at + 4].copy_from_slice(&word.to_be_bytes());
    }
    out
}
