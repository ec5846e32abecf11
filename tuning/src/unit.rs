//! A systemd unit and a sysctl file for hosts like this one.
//!
//! Owns the layout of both; what is in them comes from the checks. Invariant: the same findings
//! give the same text; what apply leaves alone is in the files as a comment.
//! Cost: some kilobytes of text.

use crate::finding::{Finding, Setting};
use crate::knob;

const SYSCTL: &str = "proc/sys/";

/// A file for `/etc/sysctl.d` with every sysctl the checks want; a dash lets a host pass that does
/// not have it.
#[must_use]
pub fn sysctl_file(findings: &[Finding]) -> String {
    let mut text = "# Velodrome's sysctls. Install as /etc/sysctl.d/60-velodrome.conf, then run\n\
                    # sysctl --system. Made by velodrome tune sysctl.\n"
        .to_owned();
    for finding in findings {
        let sysctls = finding.settings.iter().filter(|one| one.path.starts_with(SYSCTL));
        let lines: Vec<String> = sysctls.map(sysctl_line).collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n# {}: {}\n", finding.check, finding.wanted));
            text.extend(lines);
        }
    }
    text
}

fn sysctl_line(setting: &Setting) -> String {
    let remark = if setting.safe { "-" } else { "# yours to decide: " };
    format!("{remark}{} = {}\n", knob::name(&setting.path), setting.wanted)
}

/// The files of a service that runs `binary` (an absolute path): the node's unit, the unit that
/// tunes the host for it, and the sysctl file; each with its name.
#[must_use]
pub fn systemd_files(findings: &[Finding], binary: &str) -> Vec<(&'static str, String)> {
    // A percent sign begins a specifier, and a quoted path may hold blanks.
    let binary = binary.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let binary = format!("\"{binary}\"");
    vec![
        ("velodrome.service", node_unit(findings, &binary)),
        ("velodrome-tune.service", tune_unit(&binary)),
        ("60-velodrome.conf", sysctl_file(findings)),
    ]
}

fn node_unit(findings: &[Finding], binary: &str) -> String {
    let mut tuned: Vec<&str> = Vec::new();
    for line in findings.iter().flat_map(|finding| &finding.unit) {
        if !tuned.contains(&line.as_str()) {
            tuned.push(line);
        }
    }
    let tuned = tuned.join("\n");
    format!(
        "\
# Velodrome. Install as /etc/systemd/system/velodrome.service; needs a user:
# useradd --system --no-create-home --shell /usr/sbin/nologin velodrome
[Unit]
Description=Velodrome in-memory cache
Wants=network-online.target velodrome-tune.service
After=network-online.target velodrome-tune.service

[Service]
Type=exec
User=velodrome
# Flags as VELODROME_ARGS=\"…\", or settings one by one: VELODROME_MAX_MEMORY=4gb.
EnvironmentFile=-/etc/default/velodrome
ExecStart={binary} $VELODROME_ARGS
Restart=on-failure
# Open connections are drained.
TimeoutStopSec=30
# The folder above is root's and holds what velodrome tune undo needs.
StateDirectory=velodrome/data
{tuned}
OOMScoreAdjust=-500
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
"
    )
}

fn tune_unit(binary: &str) -> String {
    format!(
        "\
# Sets what is safe to set on this host, and restores it when stopped. Install as
# /etc/systemd/system/velodrome-tune.service.
[Unit]
Description=Host settings for Velodrome
After=network-online.target
Wants=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
# What a host refuses does not keep the node from starting.
ExecStart=-{binary} tune apply
ExecStop=-{binary} tune undo

[Install]
WantedBy=multi-user.target
"
    )
}
