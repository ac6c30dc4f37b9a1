//! Cutting a stream of bytes into lines. What is not complete is held until it is, or is too long. Knows
//! nothing of where lines go.

/// A longer line is split here. It is what a stream may make us hold in memory.
pub const LINE_LIMIT: usize = 64 << 10;

/// One stream. Holds no memory between whole lines.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Takes what was read; calls `each` once with all lines that are complete now, without their ends.
    pub fn take(&mut self, chunk: &[u8], limit: usize, each: impl FnOnce(&mut dyn Iterator<Item = &[u8]>)) {
        let Some(last) = memchr::memrchr(b'\n', chunk) else {
            self.partial.extend_from_slice(chunk);
            return self.cut(limit, each);
        };
        let (whole, rest) = chunk.split_at(last + 1);
        let mut first = Vec::new();
        let mut others = whole;
        if !self.partial.is_empty() {
            let end = memchr::memchr(b'\n', whole).map_or(whole.len(), |at| at + 1);
            let (start, left) = whole.split_at(end);
            first = std::mem::take(&mut self.partial);
            first.extend_from_slice(start);
            others = left;
        }
        let mut all = Split { rest: &first, limit }.chain(Split { rest: others, limit });
        each(&mut all);
        if !rest.is_empty() {
            self.partial.extend_from_slice(rest);
            // A partial line that is longer than a line may be is cut when more comes, or at the end.
        }
    }

    /// The stream is over: what is held is a line now.
    pub fn finish(&mut self, limit: usize, each: impl FnOnce(&mut dyn Iterator<Item = &[u8]>)) {
        if !self.partial.is_empty() {
            let partial = std::mem::take(&mut self.partial);
            each(&mut Split { rest: &partial, limit });
        }
    }

    /// Gives away the parts of an incomplete line that are long enough.
    fn cut(&mut self, limit: usize, each: impl FnOnce(&mut dyn Iterator<Item = &[u8]>)) {
        let whole = self.partial.len() / limit * limit;
        // At the limit exactly the end of the line may still come, without a text of its own.
        let whole = if whole == self.partial.len() { whole.saturating_sub(limit) } else { whole };
        if whole > 0 {
            let rest = self.partial.split_off(whole);
            let parts = std::mem::replace(&mut self.partial, rest);
            each(&mut Split { rest: &parts, limit });
        }
    }
}

/// Lines, those that are too long in parts.
struct Split<'a> {
    rest: &'a [u8],
    limit: usize,
}

impl<'a> Iterator for Split<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        // One byte more, so that a line of just this length keeps its end.
        let window = self.rest.get(..=self.limit).unwrap_or(self.rest);
        let (line, skip) = match memchr::memchr(b'\n', window) {
            Some(at) => (window.split_at(at).0, at + 1),
            None => {
                let length = self.rest.len().min(self.limit);
                (self.rest.split_at(length).0, length)
            }
        };
        self.rest = self.rest.split_at(skip).1;
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds a text in chunks; gives the lines.
    fn cut(chunks: &[&[u8]], limit: usize) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        let mut keep = |more: &mut dyn Iterator<Item = &[u8]>| {
            all.extend(more.map(|line| String::from_utf8(line.to_vec()).unwrap()));
        };
        for chunk in chunks {
            lines.take(chunk, limit, &mut keep);
        }
        lines.finish(limit, &mut keep);
        assert_eq!(lines.partial.capacity(), 0);
        all
    }

    #[test]
    fn lines_are_whole_whatever_the_chunks() {
        let text = b"one\n\ntwo and a half\nno end";
        let expected = ["one", "", "two and a half", "no end"];
        for size in 1..=text.len() {
            let chunks: Vec<&[u8]> = text.chunks(size).collect();
            assert_eq!(cut(&chunks, 100), expected, "{size}");
        }
    }

    #[test]
    fn a_line_of_the_limit_is_whole_and_a_longer_one_is_split() {
        for size in 1..20 {
            let chunks = |text: &'static [u8]| text.chunks(size).collect::<Vec<_>>();
            assert_eq!(cut(&chunks(b"12345\nab\n"), 5), ["12345", "ab"], "{size}");
            assert_eq!(cut(&chunks(b"123456\nab\n"), 5), ["12345", "6", "ab"], "{size}");
            assert_eq!(cut(&chunks(b"1234567890\n"), 5), ["12345", "67890"], "{size}");
            assert_eq!(cut(&chunks(b"12345678901"), 5), ["12345", "67890", "1"], "{size}");
        }
    }
}
