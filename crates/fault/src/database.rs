//! Maps database errors to faults.

use crate::{Code, Fault};

/// The name of the violated constraint, so that a service can say which rule was broken.
pub fn constraint(error: &sqlx::Error) -> Option<&str> {
    error.as_database_error()?.constraint()
}

impl From<sqlx::Error> for Fault {
    fn from(error: sqlx::Error) -> Self {
        // A statement that could not be made because of a fault of its own, such as a document that is too large.
        let error = match error {
            sqlx::Error::Encode(cause) => match cause.downcast::<Self>() {
                Ok(fault) => return *fault,
                Err(cause) => sqlx::Error::Encode(cause),
            },
            other => other,
        };
        match &error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_) => unavailable(error),
            sqlx::Error::Database(cause) => {
                let state = cause.code().unwrap_or_default().into_owned();
                of_sqlstate(&state, error)
            }
            _ => Self::internal(error),
        }
    }
}

fn of_sqlstate(state: &str, error: sqlx::Error) -> Fault {
    match state {
        // Serialization failure, deadlock, lock not available: a retry may succeed.
        "40001" | "40P01" | "55P03" => {
            Fault::new(Code::Conflict, "busy", "Another request works on the same thing; try again.").retry_after(1).source(error)
        }
        // The statement timed out.
        "57014" => Fault::new(Code::DeadlineExceeded, "deadline_exceeded", "").source(error),
        // The character NUL, which text columns and jsonb cannot store.
        "22021" | "22P05" => {
            Fault::new(Code::Invalid, "invalid_text", "A text holds a character that cannot be stored.").source(error)
        }
        "22003" => Fault::new(Code::Invalid, "out_of_range", "A number is out of range.").source(error),
        "22008" => Fault::new(Code::Invalid, "out_of_range", "A moment is out of range.").source(error),
        // Connection errors, too many connections, shutting down, read-only after a failover.
        _ if state.starts_with("08") || state.starts_with("53") || state.starts_with("57P") => unavailable(error),
        "25006" => unavailable(error),
        _ => Fault::internal(error),
    }
}

fn unavailable(error: sqlx::Error) -> Fault {
    Fault::new(Code::Unavailable, "unavailable", "").retry_after(1).source(error)
}
