package io.tidegrad.proof;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;

/// Puts a test, or all tests of a class, into the long tier: `./tidegrad test --all` runs it, `./tidegrad test` leaves
/// it out. Tests marked `@ProvesOracle` belong there without this.
///
/// Mark a test when it takes many seconds and a change rarely breaks it alone. Leave one cheap test of the same
/// behaviour in the quick tier.
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Tag(LongProof.TAG)
public @interface LongProof {
    String TAG = "long";

    /// What takes the time in this test.
    String value();
}
