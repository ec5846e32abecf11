//! Settings whose value is one name out of few.
//!
//! Owns the closed enums and their spellings. Invariant: `show` prints a name that `parse` accepts.
//! A refusal lists what is accepted.

/// How memory is taken back when a limit is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The least recently used item goes first, whether or not it has a deadline.
    Lru,
}

/// Names that other versions of this node, Redis, or the systems it replaces understand.
const EVICTION_KNOWN: [&str; 13] = [
    "noeviction",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
    "lfu",
    "fifo",
    "random",
    "ttl",
    "s3fifo",
    "s3-fifo",
];

impl Eviction {
    /// Reads a policy's name, in any case, ours or Redis's.
    pub fn parse(text: &str) -> Result<Eviction, String> {
        let lower = text.trim().to_ascii_lowercase();
        match lower.as_str() {
            "lru" | "allkeys-lru" => Ok(Eviction::Lru),
            known if EVICTION_KNOWN.contains(&known) => Err(format!(
                "'{known}' is not available in this version: lru (also written allkeys-lru) is"
            )),
            _ => Err(format!("'{text}' is not a policy: expected lru (or allkeys-lru)")),
        }
    }

    /// This policy's own name.
    pub fn name(self) -> &'static str {
        match self {
            Eviction::Lru => "lru",
        }
    }

    /// The name Redis has for this policy, as CONFIG GET and INFO show it.
    pub fn redis_name(self) -> &'static str {
        match self {
            Eviction::Lru => "allkeys-lru",
        }
    }
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
        for text in ["lru", "LRU", "allkeys-lru"] {
            assert_eq!(Eviction::parse(text), Ok(Eviction::Lru));
        }
        for text in EVICTION_KNOWN {
            let refusal = Eviction::parse(text).unwrap_err();
            assert!(refusal.contains("not available in this version: lru"), "{refusal}");
        }
        assert!(Eviction::parse("best").unwrap_err().contains("expected lru"));
    }

    #[test]
    fn names_read_back_and_refusals_list_them() {
        assert_eq!(DriverChoice::parse("IO_URING"), Ok(DriverChoice::IoUring));
        assert_eq!(DriverChoice::parse(DriverChoice::Epoll.name()), Ok(DriverChoice::Epoll));
        let refusal = LogLevel::parse("loud").unwrap_err();
        assert!(refusal.contains("off, error, warn, info, debug, trace"), "{refusal}");
    }
}
