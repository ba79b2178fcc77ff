//! Encrypts personal columns with a key per data subject, so that destroying one key erases a person everywhere.
//!
//! AES-256-GCM with tenant, subject and column as associated data: a ciphertext that is moved to another row or column
//! cannot be decrypted. The subject's key is created at first use and stored wrapped by the service's own key; erasure
//! destroys it but keeps the row, so that it is never created again. Look-up uses a keyed digest, the blind index.

use aes_gcm::aead::{Aead as _, KeyInit as _, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use bloom_fault::{Code, Fault};
use bloom_kernel::{SubjectId, TenantId};
use sqlx::PgConnection;

use bloom_runtime::ServiceContext;
use bloom_runtime::keys::mac;

use crate::TenantTx;

const NONCE_BYTES: usize = 12;

/// Encrypts one personal column of a subject. Fails with 410 `subject_erased` after the subject's key was destroyed.
pub async fn seal(
    tx: &mut TenantTx,
    host: &ServiceContext,
    subject: SubjectId,
    column: &'static str,
    plaintext: &[u8],
) -> Result<Vec<u8>, Fault> {
    Ok(subject_key(tx, host, subject).await?.seal(host, column, plaintext))
}

/// The key of a subject, for a statement that stores encrypted columns and, if the service had no key, the key with
/// them. If another transaction has stored a key meanwhile, the primary key of `subject_key` refuses it; [`erased`] is
/// the refusal for an erased subject.
pub struct SubjectKey {
    key: [u8; 32],
    tenant: TenantId,
    subject: SubjectId,
    fresh: Option<Vec<u8>>,
}

impl SubjectKey {
    /// The key that was read in wrapped form, or a new one.
    pub fn of(host: &ServiceContext, tenant: TenantId, subject: SubjectId, wrapped: Option<&[u8]>) -> Result<Self, Fault> {
        match wrapped {
            Some(wrapped) => Ok(Self { key: unwrap(host, tenant, subject, wrapped)?, tenant, subject, fresh: None }),
            None => Ok(Self::fresh(host, tenant, subject)),
        }
    }

    /// A key for a subject that is new to this service.
    pub fn fresh(host: &ServiceContext, tenant: TenantId, subject: SubjectId) -> Self {
        let mut key = [0_u8; 32];
        host.entropy.fill(&mut key);
        let wrapped = encrypt(host, &wrapping_key(host), &aad(tenant, subject, "key"), &key);
        Self { key, tenant, subject, fresh: Some(wrapped) }
    }

    /// Encrypts one personal column.
    pub fn seal(&self, host: &ServiceContext, column: &'static str, plaintext: &[u8]) -> Vec<u8> {
        encrypt(host, &self.key, &aad(self.tenant, self.subject, column), plaintext)
    }

    /// The wrapped key to be stored; `None` when it is stored already.
    pub fn to_store(&self) -> Option<&[u8]> {
        self.fresh.as_deref()
    }
}

/// The refusal to store data of an erased subject.
pub fn erased() -> Fault {
    Fault::new(Code::Gone, "subject_erased", "This person's data has been erased; nothing can be stored for them again.")
}

/// Decrypts the output of [`seal`]; `None` when the subject has been erased.
pub async fn open(
    connection: &mut PgConnection,
    host: &ServiceContext,
    tenant: TenantId,
    subject: SubjectId,
    column: &'static str,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, Fault> {
    let opened = open_many(connection, host, tenant, &[(subject, column, sealed)]).await?;
    Ok(opened.into_iter().next().flatten())
}

/// Decrypts the output of [`seal`] with the subject's wrapped key that was read with it; `None` when there is no key
/// any more.
pub fn open_with(
    host: &ServiceContext,
    tenant: TenantId,
    subject: SubjectId,
    wrapped: Option<&[u8]>,
    column: &'static str,
    sealed: &[u8],
) -> Result<Option<Vec<u8>>, Fault> {
    let Some(wrapped) = wrapped else { return Ok(None) };
    let key = unwrap(host, tenant, subject, wrapped)?;
    decrypt(&key, &aad(tenant, subject, column), sealed).map(Some)
}

/// Decrypts several columns, of one or many subjects, with one look-up of their keys; results are in the order of the
/// input.
pub async fn open_many(
    connection: &mut PgConnection,
    host: &ServiceContext,
    tenant: TenantId,
    columns: &[(SubjectId, &'static str, &[u8])],
) -> Result<Vec<Option<Vec<u8>>>, Fault> {
    let mut subjects: Vec<_> = columns.iter().map(|(subject, ..)| subject.uuid()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    let keys = sqlx::query!(
        r#"select subject_id, wrapped as "wrapped!" from subject_key where subject_id = any($1) and wrapped is not null"#,
        &subjects,
    )
    .fetch_all(connection)
    .await?;
    columns
        .iter()
        .map(|(subject, column, sealed)| {
            let wrapped = keys.iter().find(|row| row.subject_id == subject.uuid()).map(|row| row.wrapped.as_slice());
            open_with(host, tenant, *subject, wrapped, column, sealed)
        })
        .collect()
}

/// Destroys the subject's key in this service; true when it existed. Columns encrypted with it can never be decrypted
/// again.
pub async fn erase(tx: &mut TenantTx, subject: SubjectId) -> Result<bool, Fault> {
    let (tenant, now) = (tx.tenant(), tx.now());
    let erased = sqlx::query_scalar!(
        r#"insert into subject_key (tenant_id, subject_id, wrapped, created_at, erased_at) values ($1, $2, null, $3, $3)
           on conflict (tenant_id, subject_id) do update set wrapped = null, erased_at = $3
             where subject_key.erased_at is null
           returning true as "erased!""#,
        tenant.uuid(),
        subject.uuid(),
        now,
    )
    .fetch_optional(&mut **tx)
    .await?;
    Ok(erased.is_some())
}

/// Encrypts data that is not personal but still confidential, such as a stored reply: with the service's own key for
/// this purpose, bound to `place`, the row it belongs to.
pub fn seal_own(host: &ServiceContext, purpose: &'static str, place: &[&[u8]], plaintext: &[u8]) -> Vec<u8> {
    encrypt(host, &host.keys.derive(purpose), &place.concat(), plaintext)
}

/// Decrypts the output of [`seal_own`] for the same purpose and place.
pub fn open_own(host: &ServiceContext, purpose: &'static str, place: &[&[u8]], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    decrypt(&host.keys.derive(purpose), &place.concat(), sealed)
}

/// A keyed digest of a normalised text (trimmed, lower case), for equality look-up of an encrypted column.
pub fn blind_index(host: &ServiceContext, tenant: TenantId, column: &'static str, text: &str) -> Vec<u8> {
    let key = host.keys.derive("blind-index");
    let normal = text.trim().to_lowercase();
    mac(&key, &[tenant.uuid().as_bytes(), column.as_bytes(), b"\0", normal.as_bytes()]).to_vec()
}

async fn subject_key(tx: &mut TenantTx, host: &ServiceContext, subject: SubjectId) -> Result<SubjectKey, Fault> {
    let tenant = tx.tenant();
    let fresh = SubjectKey::fresh(host, tenant, subject);
    // A concurrent second caller gets the first one's key: the no-op update makes `returning` return it.
    let stored = sqlx::query_scalar!(
        "insert into subject_key (tenant_id, subject_id, wrapped, created_at) values ($1, $2, $3, $4)
         on conflict (tenant_id, subject_id) do update set created_at = subject_key.created_at
         returning wrapped",
        tenant.uuid(),
        subject.uuid(),
        fresh.to_store(),
        host.now(tenant),
    )
    .fetch_one(&mut **tx)
    .await?
    .ok_or_else(erased)?;
    SubjectKey::of(host, tenant, subject, Some(&stored))
}

fn wrapping_key(host: &ServiceContext) -> [u8; 32] {
    host.keys.derive("seal")
}

fn unwrap(host: &ServiceContext, tenant: TenantId, subject: SubjectId, wrapped: &[u8]) -> Result<[u8; 32], Fault> {
    let key = decrypt(&wrapping_key(host), &aad(tenant, subject, "key"), wrapped)?;
    key.try_into().map_err(|_| Fault::internal("a wrapped key has the wrong length"))
}

fn aad(tenant: TenantId, subject: SubjectId, column: &str) -> Vec<u8> {
    [tenant.uuid().as_bytes(), subject.uuid().as_bytes(), column.as_bytes()].concat()
}

fn encrypt(host: &ServiceContext, key: &[u8; 32], aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut nonce = [0_u8; NONCE_BYTES];
    host.entropy.fill(&mut nonce);
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    let sealed =
        cipher.encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad }).expect("AES-GCM seals anything below 64 GiB");
    [nonce.as_slice(), &sealed].concat()
}

fn decrypt(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
    let bad = || Fault::internal("what is sealed does not open: another key made it, or it stood elsewhere");
    let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or_else(bad)?;
    let cipher = Aes256Gcm::new(&Key::<Aes256Gcm>::from(*key));
    cipher.decrypt(&Nonce::from(*nonce), Payload { msg: body, aad }).map_err(|_| bad())
}
