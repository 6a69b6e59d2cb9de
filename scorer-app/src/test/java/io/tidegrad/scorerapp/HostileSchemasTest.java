package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.ChildJvm;
import io.tidegrad.proof.Breaker;
import io.tidegrad.proof.LongProof;
import io.tidegrad.proof.ProvesOracle;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever a writer's schema says and whatever bytes follow, an event or a request is taken or refused with its
/// reason, in a JVM of 256 MiB, and none takes more memory than its length allows.
///
/// A run prints its seed; `-Dseed=…` repeats it, `-Dmutations=…` makes more or fewer pairs.
class HostileSchemasTest {
    private static final int PAIRS = Integer.getInteger("mutations", 50_000);
    private static final int PAIRS_QUICK = 1_500;
    private static final int VALUES_EACH = 20;
    private static final Duration WITHIN = Duration.ofMinutes(6);

    @TempDir
    Path directory;

    private record Ended(OptionalInt status, String said) {
    }

    private Ended run(long seed, int pairs, Breaker breaker) throws IOException {
        Path output = directory.resolve("output");
        Path log = directory.resolve("log");
        List<String> flags = new ArrayList<>(ChildJvm.LAUNCHER_FLAGS);
        flags.addAll(List.of("-Xmx256m", "-XX:+ExitOnOutOfMemoryError"));
        try (ChildJvm suite = ChildJvm.run(
                "hostile suite", flags, List.of(HostileSuite.class.getName(), Long.toString(seed),
                        Integer.toString(pairs / VALUES_EACH), Integer.toString(VALUES_EACH), breaker.name()),
                output, log)) {
            assertThat(suite.waitFor(WITHIN)).as("ended within " + WITHIN).isTrue();
            return new Ended(suite.status(), Files.readString(output) + suite.logTail());
        }
    }

    @Test
    void everyPairOfSchemaAndBytesIsTakenOrRefusedWithinItsMemory() throws Exception {
        // Of 75 schemas few give a value that is too large, and in one of some dozen runs none does.
        assertTakenOrRefused(Math.min(PAIRS, PAIRS_QUICK));
    }

    @LongProof("50,000 pairs")
    @Test
    void everyOneOfFiftyThousandPairsIsTakenOrRefusedWithinItsMemory() throws Exception {
        assertThat(assertTakenOrRefused(PAIRS)).contains("fold: too-large", "topic: too-large");
    }

    private String assertTakenOrRefused(int pairs) throws IOException {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out
                .println("seed " + seed + " · rerun: mvn -pl scorer-app test -Dtest=HostileSchemasTest -Dseed=" + seed);
        Ended ended = run(seed, pairs, Breaker.NONE);
        System.out.println(ended.said());
        assertThat(ended.status()).as(ended.said()).hasValue(0);
        assertThat(ended.said()).contains("fold: taken", "topic: taken", "http: taken").contains("fold: not-avro",
                "http: wrong-type", "schema: refused", pairs + " pairs");
        return ended.said();
    }

    @ProvesOracle(Breaker.DECODES_WITHOUT_A_BUDGET)
    @Test
    void decodingAsAvroDoesItIsReported() throws Exception {
        Ended ended = run(9, PAIRS, Breaker.DECODES_WITHOUT_A_BUDGET);
        assertThat(ended.status()).as(ended.said()).isNotEmpty().isNotEqualTo(OptionalInt.of(0));
        assertThat(ended.said()).containsAnyOf("OutOfMemoryError", "bytes of memory", "hangs");
    }
}
