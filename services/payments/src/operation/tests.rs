//! Tests of postings.

use super::model::OperationKind;
use super::posting::{Account, Posting};

const KINDS: [OperationKind; 4] = [OperationKind::Authorise, OperationKind::Capture, OperationKind::Void, OperationKind::Refund];

#[test]
fn postings_add_up_to_zero_and_reversals_undo_them() {
    for kind in KINDS {
        let (posting, reversal) = (Posting::new(kind, 700), Posting::reversal(kind, 700));
        for posting in [&posting, &reversal] {
            assert_eq!(posting.sides.iter().map(|side| side.amount).sum::<i64>(), 0, "{kind:?}");
        }
        let mut total = 0;
        for account in [
            Account::AuthorisedReceivable,
            Account::AuthorisationCommitment,
            Account::ProviderClearing,
            Account::CustomerLiability,
        ] {
            let both = posting.sides.iter().chain(&reversal.sides);
            total += both.filter(|side| side.account == account).map(|side| side.amount).sum::<i64>().abs();
        }
        assert_eq!(total, 0, "{kind:?}");
    }
}
