//! Where the gateway listens: checked before anything is opened, bound before anything is said.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lanyard_admin::{Admin, AdminListener};
use lanyard_core::{Known, Origin};
use lanyard_gateway::{Gateway, Listener};
use rustls::ServerConfig;
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};
use tokio_util::task::TaskTracker;

use super::UpArgs;
use super::tls::http1_only;

/// What was asked, checked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) agents: SocketAddr,
    pub(crate) admin: SocketAddr,
    agent_socket: Option<PathBuf>,
    agent_socket_mode: u32,
    pub(crate) public: Option<Origin>,
    origins: Vec<Origin>,
    pub(crate) tls: bool,
}

impl Plan {
    /// Checks the command line. Nothing is opened yet, so nothing is left behind.
    pub(crate) fn check(args: &UpArgs) -> Result<Self, String> {
        let origin = |name: &str, text: &str| {
            Origin::parse(text).map_err(|error| format!("{name} {text}: {error}"))
        };
        let public =
            args.public_url.as_deref().map(|url| origin("--public-url", url)).transpose()?;
        let mut origins = args
            .allow_origin
            .iter()
            .map(|text| origin("--allow-origin", text))
            .collect::<Result<Vec<_>, _>>()?;
        origins.extend(public.clone());
        let mode = u32::from_str_radix(&args.agent_socket_mode, 8)
            .ok()
            .filter(|mode| *mode <= 0o777)
            .ok_or("--agent-socket-mode is an octal mode, 660 for instance")?;
        let plan = Self {
            agents: address("--listen", &args.listen)?,
            admin: address("--admin-listen", &args.admin_listen)?,
            agent_socket: args.agent_socket.clone(),
            agent_socket_mode: mode,
            public,
            origins,
            tls: args.tls_cert.is_some() || args.tls_local_ca,
        };
        plan.check_exposure(args)?;
        Ok(plan)
    }

    /// Other machines reach what is not loopback: then TLS and a public address are needed.
    fn check_exposure(&self, args: &UpArgs) -> Result<(), String> {
        for (name, address) in [("--listen", self.agents), ("--admin-listen", self.admin)] {
            if address.ip().is_loopback() {
                continue;
            }
            if !self.tls && args.insecure_plaintext.is_none() {
                return Err(format!(
                    "{name} {address} can be reached by other machines, and tokens would cross the network unencrypted; \
                     add --tls-cert and --tls-key, or --tls-local-ca, or listen on 127.0.0.1 \
                     (--insecure-plaintext REASON overrides this, and the reason is recorded)"
                ));
            }
            if self.public.is_none() {
                return Err(format!(
                    "{name} {address} can be reached by other machines; say under which address with --public-url, https://mcp.example.com for instance"
                ));
            }
        }
        match args.insecure_plaintext.as_deref().map(str::trim) {
            Some("") => Err("--insecure-plaintext needs a reason; it is recorded".to_owned()),
            Some(_) | None => Ok(()),
        }
    }

    fn known(&self, address: SocketAddr) -> Known {
        Known {
            loopback: address.ip().is_loopback(),
            hosts: self.public.iter().map(Origin::authority).collect(),
            origins: self.origins.clone(),
        }
    }
}

fn address(name: &str, text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs().ok().and_then(|mut addresses| addresses.next()).ok_or_else(|| {
        format!("{name} {text} is not an address; write 127.0.0.1:7410 for instance")
    })
}

/// A file that only a living gateway has; it goes when this is dropped, so also when a start
/// fails half-way.
#[derive(Debug)]
pub(crate) struct Transient(PathBuf);

impl Drop for Transient {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(path = %self.0.display(), %error, "Nothing to remove.");
        }
    }
}

/// Where the gateway listens, once it does.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) agents: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) agent_socket: PathBuf,
    pub(crate) admin_socket: PathBuf,
    /// Where a browser opens the console.
    console: String,
    tls: bool,
    file: PathBuf,
}

impl Addresses {
    /// The address that agents are given.
    pub(crate) fn agents_url(&self) -> String {
        format!("{}://{}", self.scheme(), self.agents)
    }

    fn scheme(&self) -> &'static str {
        scheme(self.tls)
    }

    /// As name and value, for records and `status`.
    pub(crate) fn pairs(&self) -> BTreeMap<&'static str, String> {
        BTreeMap::from([
            ("listen", self.agents.to_string()),
            ("admin_listen", self.admin.to_string()),
            ("agent_socket", self.agent_socket.display().to_string()),
            ("admin_socket", self.admin_socket.display().to_string()),
        ])
    }

    /// What `status` says of the process.
    pub(crate) fn about(&self, data: &Path) -> BTreeMap<&'static str, String> {
        let mut about = self.pairs();
        about.insert("data", data.display().to_string());
        about.insert("version", env!("CARGO_PKG_VERSION").to_owned());
        about.insert("url", self.agents_url());
        about.insert("console_url", self.console.clone());
        about.insert("pid", std::process::id().to_string());
        about
    }

    /// What `up` prints when it is ready.
    pub(crate) fn text(&self, data: &Path) -> String {
        format!(
            "lanyard {} is ready\n  agents     {}/mcp\n             {}\n  operators  {}://{}\n             {}\n  data       {}",
            env!("CARGO_PKG_VERSION"),
            self.agents_url(),
            self.agent_socket.display(),
            self.scheme(),
            self.admin,
            self.admin_socket.display(),
            data.display(),
        )
    }

    /// Writes the addresses for programs to read. The file goes when what is returned does.
    pub(crate) fn write(&self) -> Result<Transient, String> {
        let text = json!({
            "listen": self.agents.to_string(),
            "admin": self.admin.to_string(),
            "agent_socket": self.agent_socket,
            "admin_socket": self.admin_socket,
            "url": self.agents_url(),
        });
        lanyard_store::write_atomic(&self.file, format!("{text}\n").as_bytes(), 0o600)
            .map_err(|error| format!("{}: {error}", self.file.display()))?;
        Ok(Transient(self.file.clone()))
    }
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

/// Sockets that are bound and not served yet.
pub(crate) struct Bound {
    pub(crate) addresses: Addresses,
    agents: Listener,
    agents_unix: Listener,
    admin: AdminListener,
    admin_unix: AdminListener,
    files: Vec<Transient>,
}

/// Binds everything, the admin side first.
pub(crate) async fn bind(
    plan: &Plan,
    run: &Path,
    tls: Option<Arc<ServerConfig>>,
) -> Result<Bound, String> {
    prepare_run(run)?;
    let admin_socket = run.join("admin.sock");
    let (admin_unix, admin_file) = bind_socket(&admin_socket, 0o600)?;
    let admin = bind_tcp("--admin-listen", plan.admin).await?;
    let agent_socket = plan.agent_socket.clone().unwrap_or_else(|| run.join("agent.sock"));
    let (agents_unix, agents_file) = bind_socket(&agent_socket, plan.agent_socket_mode)?;
    let agents = bind_tcp("--listen", plan.agents).await?;
    let local = |listener: &TcpListener| listener.local_addr().map_err(|error| error.to_string());
    let scheme = scheme(tls.is_some());
    let admin_address = local(&admin)?;
    // What other machines reach knows itself by its public address alone.
    let console = match &plan.public {
        Some(public) if !plan.admin.ip().is_loopback() => public.to_string(),
        Some(_) | None => format!("{scheme}://{admin_address}"),
    };
    let addresses = Addresses {
        agents: local(&agents)?,
        admin: admin_address,
        agent_socket,
        admin_socket,
        console,
        tls: tls.is_some(),
        file: run.join("addresses.json"),
    };
    Ok(Bound {
        agents: Listener::Tcp {
            listener: agents,
            known: plan.known(plan.agents),
            tls: tls.clone(),
        },
        agents_unix: Listener::Unix { listener: agents_unix },
        admin: AdminListener::Tcp {
            listener: admin,
            known: plan.known(plan.admin),
            tls: tls.as_deref().map(http1_only),
        },
        admin_unix: AdminListener::Unix { listener: admin_unix },
        files: vec![admin_file, agents_file],
        addresses,
    })
}

impl Bound {
    /// Serves everything in tasks. The sockets' files go when what is returned does.
    pub(crate) fn serve(
        self,
        tasks: &TaskTracker,
        gateway: &Gateway,
        admin: &Admin,
    ) -> Vec<Transient> {
        for listener in [self.admin, self.admin_unix] {
            let admin = admin.clone();
            tasks.spawn(async move { admin.serve(listener).await });
        }
        for listener in [self.agents, self.agents_unix] {
            let gateway = gateway.clone();
            tasks.spawn(async move { gateway.serve(listener).await });
        }
        self.files
    }
}

/// Makes the sockets' directory. It may stand where other users can make directories too, so one
/// that is there already must be ours.
fn prepare_run(run: &Path) -> Result<(), String> {
    lanyard_store::prepare_directory(run).map_err(|error| error.to_string())?;
    let owner =
        std::fs::metadata(run).map_err(|error| format!("{}: {error}", run.display()))?.uid();
    if owner == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(format!("{} belongs to another user (uid {owner}); set LANYARD_RUN", run.display()))
}

async fn bind_tcp(option: &str, address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| {
        if error.kind() == io::ErrorKind::AddrInUse {
            return format!(
                "{address} is taken by another program (another lanyard?); choose another with {option}, 127.0.0.1:0 for any free port"
            );
        }
        if error.kind() == io::ErrorKind::PermissionDenied {
            return format!(
                "{address} needs rights that this user has not; choose a port above 1023 with {option}"
            );
        }
        format!("{option} {address}: {error}")
    })
}

/// Binds a socket in the file system. It is never open to more users than its mode says, not even
/// between bind and chmod: the umask holds others off from the start.
fn bind_socket(path: &Path, mode: u32) -> Result<(UnixListener, Transient), String> {
    let text = |error: io::Error| format!("{}: {error}", path.display());
    match std::fs::symlink_metadata(path) {
        Err(_) => {}
        Ok(found) if !found.file_type().is_socket() => {
            return Err(format!("{} is there already, and no socket", path.display()));
        }
        // A socket that nobody answers at was left by a process that was killed.
        Ok(_) => {
            if std::os::unix::net::UnixStream::connect(path).is_ok() {
                return Err(format!("{} is in use by another process", path.display()));
            }
            std::fs::remove_file(path).map_err(text)?;
        }
    }
    let before = rustix::process::umask(rustix::fs::Mode::from_bits_retain(0o177));
    let bound = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = bound.map_err(text)?;
    let file = Transient(path.to_owned());
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(text)?;
    Ok((listener, file))
}
