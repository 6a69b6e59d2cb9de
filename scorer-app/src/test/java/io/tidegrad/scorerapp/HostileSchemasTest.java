package io.tidegrad.scorerapp;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.ChildJvm;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Whatever a writer's schema says and whatever bytes follow, an event or a request is taken or refused with its reason, in a
/// JVM of 256 MiB, and none takes more memory than its length allows.
///
/// A run prints its seed; `-Dseed=…` repeats it, `-Dmutations=…` makes more or fewer pairs.
class HostileSchemasTest {
    private static final int PAIRS = Integer.getInteger("mutations", 50_000);
    private static final int VALUES_EACH = 20;
    private static final Duration WITHIN = Duration.ofMinutes(6);

    @TempDir Path directory;

    @Test
    void everyPairOfSchemaAndBytesIsTakenOrRefusedWithinItsMemory() throws Exception {
        long seed = Long.getLong("seed", System.nanoTime());
        System.out.println(
                "seed "
                        + seed
                        + " · rerun: mvn -pl scorer-app test -Dtest=HostileSchemasTest -Dseed="
                        + seed);
        Path output = directory.resolve("output");
        Path log = directory.resolve("log");
        List<String> flags = new ArrayList<>(ChildJvm.TIDEGRAD_FLAGS);
        flags.addAll(List.of("-Xmx256m", "-XX:+ExitOnOutOfMemoryError"));
        try (ChildJvm suite =
                ChildJvm.run(
                        "hostile suite",
                        flags,
                        List.of(
                                HostileSuite.class.getName(),
                                Long.toString(seed),
                                Integer.toString(PAIRS / VALUES_EACH),
                                Integer.toString(VALUES_EACH)),
                        output,
                        log)) {
            assertThat(suite.waitFor(WITHIN)).as("ended within " + WITHIN).isTrue();
            String said = Files.readString(output);
            System.out.println(said);
            assertThat(suite.status()).as(said + Files.readString(log)).hasValue(0);
            assertThat(said)
                    .contains("fold: taken", "lane: taken", "http: taken")
                    .contains("fold: too-large", "lane: too-large", "fold: not-avro")
                    .contains("http: wrong-type", "schema: refused", PAIRS + " pairs");
        }
    }
}
