//! Tests of the table and its projections.
