//! Settings whose value is one name out of few.
//!
//! Owns the closed enums and their spellings. Invariant: `show` prints a name that `parse` accepts.
//! A refusal lists what is accepted.

use velodrome_engine::Policy;

/// Reads an eviction policy's name, in any case, ours or Redis's.
pub(super) fn policy(text: &str) -> Result<Policy, String> {
    Policy::from_name(text.trim()).ok_or_else(|| {
        let names = Policy::ALL.map(Policy::name).join(", ");
        format!("'{text}' is not a policy: expected one of {names}, or Redis's name of one")
    })
}

/// Declares a closed enum with one lower-case name a variant.
macro_rules! choice {
    (
        $(#[$doc:meta])*
        $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name { $($(#[$vdoc])* $variant),+ }

        impl $name {
            /// Reads one of the names, in any case.
            pub fn parse(text: &str) -> Result<$name, String> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($text => Ok($name::$variant),)+
                    _ => Err(format!(
                        "'{text}' is not understood: expected one of {}",
                        [$($text),+].join(", ")
                    )),
                }
            }

            /// The name that `parse` reads back.
            pub fn name(self) -> &'static str {
                match self { $($name::$variant => $text),+ }
            }
        }
    };
}

choice! {
    /// Which of the kernel's interfaces moves bytes.
    DriverChoice {
        /// io_uring when the host allows it, else epoll; the log says which.
        Auto = "auto",
        /// io_uring, or no start.
        IoUring = "io_uring",
        /// epoll.
        Epoll = "epoll",
    }
}

choice! {
    /// How values are packed.
    CompressionChoice {
        /// Not at all.
        None = "none",
        /// Fast, and least.
        Lz4 = "lz4",
        /// More, for more time.
        Zstd = "zstd",
        /// Much as Zstandard, slower.
        Gzip = "gzip",
    }
}

choice! {
    /// Whether a node alone answers cluster clients as well.
    ClusterMode {
        /// CLUSTER commands are refused.
        Off = "off",
        /// A cluster of one: plain and cluster clients both work.
        Emulated = "emulated",
    }
}

choice! {
    /// How log lines look.
    LogFormat {
        /// Pretty on a terminal, JSON otherwise.
        Auto = "auto",
        /// For a person.
        Pretty = "pretty",
        /// One JSON object a line.
        Json = "json",
    }
}

choice! {
    /// The least severe message that is logged.
    LogLevel {
        /// Nothing.
        Off = "off",
        /// What failed.
        Error = "error",
        /// What an operator should look at.
        Warn = "warn",
        /// What an operator would like to know.
        Info = "info",
        /// What an engineer looks for.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies() {
        for text in ["lru", "LRU", "allkeys-lru", " lru "] {
            assert_eq!(policy(text), Ok(Policy::Lru));
        }
        assert_eq!(policy("volatile-ttl"), Ok(Policy::VolatileTtl));
        let refusal = policy("best").unwrap_err();
        assert!(refusal.contains("lru, lfu, fifo, random, ttl, s3fifo, noeviction"), "{refusal}");
    }

    #[test]
    fn names_read_back_and_refusals_list_them() {
        assert_eq!(DriverChoice::parse("IO_URING"), Ok(DriverChoice::IoUring));
        assert_eq!(DriverChoice::parse(DriverChoice::Epoll.name()), Ok(DriverChoice::Epoll));
        let refusal = LogLevel::parse("loud").unwrap_err();
        assert!(refusal.contains("off, error, warn, info, debug, trace"), "{refusal}");
    }
}
