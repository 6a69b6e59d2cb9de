package io.tidegrad.proof;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ExtendWith;

/// Marks a test that injects a fault and asserts that an oracle reports it. `./tidegrad test --prove-oracles` runs only
/// these and prints the results; they belong to the long tier ([LongProof]).
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@Tag(ProvesOracle.TAG)
@Tag(LongProof.TAG)
@ExtendWith(ProofRecorder.class)
public @interface ProvesOracle {
    String TAG = "proves-oracle";

    /// The injected fault.
    Breaker value();
}
