package io.tidegrad.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tidegrad.localstack.BrokerOptions;
import io.tidegrad.localstack.EmbeddedBroker;
import io.tidegrad.localstack.KafkaProvider;
import io.tidegrad.localstack.SharedStack;
import io.tidegrad.model.learn.OnlineModel;
import io.tidegrad.proof.LongProof;
import io.tidegrad.scorer.Scorer;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.store.CommittedState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The disk of a broker that was stopped, packed and unpacked by the commands of docs/operations/backup.md, is all that is
/// left of a cluster.
@LongProof("two brokers and two trainers, one after the other")
class BackupTest {
    private static final Pattern COMMANDS = Pattern.compile("(?ms)^```sh\\n(tar .*?)^```");

    @TempDir
    Path directory;

    private static KafkaProvider stack(EmbeddedBroker broker) {
        return new KafkaProvider.Elsewhere(broker.bootstrapServers(), SharedStack.get().registryUrl());
    }

    /// Runs a command of the page on another disk.
    private void run(String command, Path disk) throws IOException, InterruptedException {
        Process shell = new ProcessBuilder("sh", "-eu", "-c", command.replace("/var/lib/kafka", disk.toString()))
                .directory(directory.toFile()).redirectErrorStream(true).start();
        String said = new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertThat(shell.waitFor()).as("%s%n%s", command, said).isZero();
    }

    @Test
    void fromTheDiskOfABrokerTheSameVersionIsServedAndTheTrainerGoesOn() throws Exception {
        Path page = Path.of(System.getProperty("tidegrad.root"), "docs/operations/backup.md");
        List<String> commands =
                COMMANDS.matcher(Files.readString(page)).results().map((MatchResult block) -> block.group(1)).toList();
        assertThat(commands).hasSize(2);
        Path lost = directory.resolve("lost");
        Readings before;
        String model;
        Path spec;
        CommittedState learned;
        List<Integer> answers;
        try (EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.in(lost))) {
            before = new Readings(stack(broker));
            model = "level-" + before.id;
            spec = before.spec(directory, model);
            before.send(300);
            try (TrainerApp trainer = before.trainer(directory.resolve("first"), "--spec", spec.toString());
                    Scorer scorer = before.scorer("p" + before.id, model)) {
                learned = Readings.awaitLearned(trainer, model, 1, before.end());
                Readings.awaitServed(scorer, 1, learned.version());
                answers = Readings.answers(scorer);
            }
            before.send(50);
            before.close();
        }
        run(commands.getFirst(), lost);

        Path restored = Files.createDirectories(directory.resolve("restored"));
        run(commands.getLast(), restored);
        try (EmbeddedBroker broker = EmbeddedBroker.start(BrokerOptions.in(restored));
                Readings after = before.on(stack(broker));
                Scorer scorer = after.scorer("p" + before.id, model)) {
            Readings.awaitServed(scorer, 1, learned.version());
            assertThat(scorer.weightsHash()).isEqualTo(Objects.requireNonNull(learned.report()).weightsHash());
            assertThat(Readings.answers(scorer)).isEqualTo(answers);
            after.send(100);
            try (TrainerApp trainer = after.trainer(directory.resolve("second"), "--model", model)) {
                CommittedState on = Readings.awaitLearned(trainer, model, 1, after.end());
                OnlineModel fold = after.fold(spec, offset -> true);
                assertThat(Objects.requireNonNull(on.report()).stateHash()).isEqualTo(fold.stateHash());
                assertThat(on.version()).isEqualTo(450);
                Readings.awaitServed(scorer, 1, 450);
                assertThat(scorer.weightsHash()).isEqualTo(fold.weightsHash());
            }
            assertThat(after.run("p" + before.id, List.of("verify", "--model", model))).as(after.err()).isZero();
            assertThat(after.out()).contains("version 1.450", "equal");
        }
    }
}
