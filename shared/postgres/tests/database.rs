//! What holds against a real PostgreSQL.

use std::time::Duration;

use sqlx::migrate::Migrator;
use stoa_contracts::{Coded as _, ErrorCode};
use stoa_postgres::{
    Cursor, MigrateError, PostgresSettings, begin, connect, into_page, migrate, readiness,
    refuse_pending, traced,
};
use stoa_testing::{eventually, proxy::Proxy};

static OLDER: Migrator = sqlx::migrate!("tests/older");
static NEWER: Migrator = sqlx::migrate!("tests/newer");

#[tokio::test]
async fn many_may_migrate_at_once_and_again() {
    let database = stoa_testing::postgres::database().await;
    let settings = PostgresSettings::at(&database.url);
    let (a, b) = tokio::join!(migrate(&settings, &NEWER), migrate(&settings, &NEWER));
    let pool = a.unwrap();
    b.unwrap();
    migrate(&settings, &NEWER).await.unwrap();
    refuse_pending(&pool, &NEWER).await.unwrap();
}

#[tokio::test]
async fn a_server_refuses_a_schema_that_lacks_a_migration() {
    let database = stoa_testing::postgres::database().await;
    let settings = PostgresSettings::at(&database.url);
    let empty = connect(&settings).await.unwrap();
    let refusal = refuse_pending(&empty, &OLDER).await;
    assert!(
        matches!(refusal, Err(MigrateError::Pending(1))),
        "{refusal:?}"
    );
    let pool = migrate(&settings, &OLDER).await.unwrap();
    let refusal = refuse_pending(&pool, &NEWER).await;
    assert!(
        matches!(refusal, Err(MigrateError::Pending(2))),
        "{refusal:?}"
    );
}

#[tokio::test]
async fn the_previous_release_runs_and_migrates_on_a_newer_schema() {
    let database = stoa_testing::postgres::database().await;
    let settings = PostgresSettings::at(&database.url);
    let pool = migrate(&settings, &NEWER).await.unwrap();
    refuse_pending(&pool, &OLDER).await.unwrap();
    migrate(&settings, &OLDER).await.unwrap();
}

#[tokio::test]
async fn a_duplicate_is_a_conflict_that_names_its_constraint() {
    let database = stoa_testing::postgres::database().await;
    let pool = migrate(&PostgresSettings::at(&database.url), &OLDER)
        .await
        .unwrap();
    let insert = |id: i64| {
        sqlx::query("INSERT INTO cups VALUES ($1, 'blue')")
            .bind(id)
            .execute(&pool)
    };
    traced("cup.insert", insert(1)).await.unwrap();
    let error = traced("cup.insert", insert(2)).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Conflict);
    assert!(error.violates_unique(Some("cups_name_key")));
    assert!(!error.violates_unique(Some("cups_pkey")));
}

#[tokio::test]
async fn a_time_that_no_row_can_hold_is_invalid() {
    let database = stoa_testing::postgres::database().await;
    let pool = connect(&PostgresSettings::at(&database.url)).await.unwrap();
    let query = sqlx::query("SELECT '300000-01-01'::timestamptz").execute(&pool);
    let error = traced("time.select", query).await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Invalid);
    assert_eq!(error.to_string(), "A time is too early or too late.");
}

#[tokio::test]
async fn what_lost_against_another_transaction_may_be_tried_again() {
    let database = stoa_testing::postgres::database().await;
    let pool = connect(&PostgresSettings::at(&database.url)).await.unwrap();
    for code in ["40001", "40P01"] {
        let lose = format!("DO $$ BEGIN RAISE 'lost' USING ERRCODE = '{code}'; END $$");
        let lose = sqlx::raw_sql(sqlx::AssertSqlSafe(lose));
        let error = traced("cup.lose", lose.execute(&pool)).await.unwrap_err();
        assert_eq!(error.code(), ErrorCode::Unavailable, "{code}");
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_cancelled() {
    let database = stoa_testing::postgres::database().await;
    let statement_timeout = Duration::from_millis(50);
    let settings = PostgresSettings {
        statement_timeout,
        ..PostgresSettings::at(&database.url)
    };
    let pool = connect(&settings).await.unwrap();
    let error = traced(
        "nap.take",
        sqlx::query("SELECT pg_sleep(60)").execute(&pool),
    )
    .await
    .unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_used_up_pool_is_unavailable_and_its_wait_is_bounded() {
    let database = stoa_testing::postgres::database().await;
    let settings = PostgresSettings {
        pool_size: 1,
        ..PostgresSettings::at(&database.url)
    };
    let pool = connect(&settings).await.unwrap();
    let _held = pool.acquire().await.unwrap();
    let refused = traced("cup.wait", sqlx::query("SELECT 1").execute(&pool)).await;
    assert_eq!(refused.unwrap_err().code(), ErrorCode::Unavailable);
}

#[tokio::test]
async fn a_process_whose_connections_are_all_in_use_is_ready() {
    let database = stoa_testing::postgres::database().await;
    let settings = PostgresSettings {
        pool_size: 1,
        ..PostgresSettings::at(&database.url)
    };
    let pool = connect(&settings).await.unwrap();
    let is_ready = readiness(&pool);
    let _held = pool.acquire().await.unwrap();
    eventually(Duration::from_secs(30), || async { is_ready().await.ok() }).await;
}

#[tokio::test]
async fn a_process_whose_database_is_away_is_not_ready_until_it_is_back() {
    let database = stoa_testing::postgres::database().await;
    let proxy = Proxy::start(&database.url).await;
    let pool = connect(&PostgresSettings::at(proxy.url())).await.unwrap();
    let is_ready = readiness(&pool);
    eventually(Duration::from_secs(30), || async { is_ready().await.ok() }).await;
    for away in [Proxy::hold, Proxy::refuse] {
        away(&proxy);
        let refused = tokio::time::timeout(Duration::from_secs(30), is_ready()).await;
        assert_eq!(refused.unwrap().unwrap_err().code(), ErrorCode::Unavailable);
        proxy.pass();
        eventually(Duration::from_secs(30), || async { is_ready().await.ok() }).await;
    }
}

#[tokio::test]
async fn a_database_that_does_not_answer_may_come_back() {
    let database = stoa_testing::postgres::database().await;
    let proxy = Proxy::start(&database.url).await;
    let settings = PostgresSettings {
        acquire_timeout: Duration::from_millis(500),
        ..PostgresSettings::at(proxy.url())
    };
    proxy.hold();
    let refused = connect(&settings).await.unwrap_err();
    assert_eq!(refused.code(), ErrorCode::Unavailable);
    proxy.pass();
    connect(&settings).await.unwrap();
}

#[test]
fn a_cursor_comes_back_as_it_went() {
    let cursor = Cursor((17_i64, "blue".to_owned()));
    assert_eq!(
        Cursor::decode(Some(&cursor.encode())).unwrap(),
        Some(cursor)
    );
    assert_eq!(Cursor::<i64>::decode(None).unwrap(), None);
}

#[test]
fn a_cursor_of_nobody_is_invalid() {
    for text in ["", "abc", "!!!", "eyJhIjoxfQ"] {
        assert_eq!(
            Cursor::<i64>::decode(Some(text)).unwrap_err().code(),
            ErrorCode::Invalid
        );
    }
}

#[test]
fn a_page_points_to_the_next_one_only_if_there_is_more() {
    let page = into_page(vec![1, 2, 3], 2, |n| *n);
    assert_eq!(page.items, [1, 2]);
    assert_eq!(
        Cursor::<i64>::decode(page.next_cursor.as_deref()).unwrap(),
        Some(Cursor(2))
    );
    assert_eq!(into_page(vec![1, 2], 2, |n| *n).next_cursor, None);
}

#[tokio::test]
async fn a_transaction_that_is_dropped_at_its_beginning_is_not_the_next_ones() {
    let database = stoa_testing::postgres::database().await;
    let proxy = Proxy::start(&database.url).await;
    let one = PostgresSettings {
        pool_size: 1,
        ..PostgresSettings::at(proxy.url())
    };
    let pool = connect(&one).await.unwrap();
    proxy.hold();
    let dropped = tokio::time::timeout(Duration::from_millis(100), begin(&pool)).await;
    assert!(dropped.is_err(), "it was in the middle");
    proxy.pass();
    let written = sqlx::raw_sql("CREATE TABLE written ()").execute(&pool);
    written.await.unwrap();
    let others = connect(&PostgresSettings::at(&database.url)).await.unwrap();
    let seen = sqlx::raw_sql("SELECT FROM written").execute(&others).await;
    seen.expect("it is committed");
}

#[tokio::test]
async fn the_server_ends_a_transaction_that_nobody_goes_on_with() {
    let database = stoa_testing::postgres::database().await;
    let pool = connect(&PostgresSettings::at(&database.url)).await.unwrap();
    let limit = sqlx::query_scalar("SHOW idle_in_transaction_session_timeout");
    let limit: String = limit.fetch_one(&pool).await.unwrap();
    assert_eq!(limit, "1min");
}
