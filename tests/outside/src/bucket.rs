//! A server of S3 in this process, written by others: what it refuses, S3 refuses. What is in its
//! bucket lies in a folder of its own.

use hallway_kit::Tasks;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s::{S3Result, s3_error};
use s3s_fs::FileSystem;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use tempfile::TempDir;
use tokio::net::TcpListener;

const NAME: &str = "hallway-files";
const KEY: &str = "AKIAHALLWAY";
const SECRET: &str = "kettle/on+the=shelf";

/// What its key opens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    All,
    NoDeleting,
}

impl S3Access for Keys {
    // Written as the attribute that the trait was written with makes it.
    fn check<'s, 'c, 'r, 'f>(
        &'s self,
        of: &'c mut S3AccessContext<'r>,
    ) -> Pin<Box<dyn Future<Output = S3Result<()>> + Send + 'f>>
    where
        Self: 'f,
        's: 'f,
        'c: 'f,
        'r: 'f,
    {
        let deletes = matches!(of.s3_op().name(), "DeleteObject" | "DeleteObjects");
        // A rule of one's own stands in place of the usual one: whoever signs nothing gets nothing.
        let closed = of.credentials().is_none() || *self == Keys::NoDeleting && deletes;
        Box::pin(async move { if closed { Err(s3_error!(AccessDenied)) } else { Ok(()) } })
    }
}

/// The bucket; its server ends with it.
pub struct Bucket {
    /// Where its server listens.
    pub address: SocketAddr,
    folder: TempDir,
    /// Its connections end with it.
    _tasks: Tasks,
}

impl Bucket {
    /// One whose key opens it.
    pub async fn open() -> Bucket {
        Bucket::with(Keys::All).await
    }

    /// One whose key opens it for all but deleting.
    pub async fn locked() -> Bucket {
        Bucket::with(Keys::NoDeleting).await
    }

    async fn with(keys: Keys) -> Bucket {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(NAME)).expect("a bucket");
        let files = FileSystem::new(folder.path()).expect("a file system");
        let mut service = S3ServiceBuilder::new(files);
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        service.set_access(keys);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (tasks, service) = (Tasks::default(), service.build());
        let inside = tasks.clone();
        tasks.once("bucket", async move {
            while let Ok((stream, _)) = listener.accept().await {
                inside.once("call", serve(service.clone(), TokioIo::new(stream)));
            }
        });
        Bucket { address, folder, _tasks: tasks }
    }

    /// What a server is told whose files are here.
    pub fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("HALLWAY_FILES_URL", format!("s3://{NAME}")),
            ("HALLWAY_FILES_ENDPOINT", format!("http://{}", self.address)),
            ("HALLWAY_FILES_REGION", "eu-central-1".into()),
            ("HALLWAY_FILES_KEY", KEY.into()),
            ("HALLWAY_FILES_SECRET", SECRET.into()),
        ]
    }

    /// The folder in which its objects lie under their own names.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join(NAME)
    }

    /// What is in it.
    pub fn objects(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        walk(&self.folder(), &mut found);
        found
    }
}

async fn serve(service: S3Service, stream: TokioIo<tokio::net::TcpStream>) {
    // However it ends, the caller has seen it.
    let _ = http1::Builder::new().serve_connection(stream, service).await;
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).into_iter().flatten().flatten().map(|one| one.path()) {
        if path.is_dir() { walk(&path, found) } else { found.push(path) }
    }
}
