package io.tidegrad.cli;

import io.tidegrad.joiner.app.JoinerApp;
import io.tidegrad.joiner.app.JoinerConfig;
import io.tidegrad.ops.settings.Settings;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.settings.KafkaSettings;
import io.tidegrad.trainer.TrainerApp;
import io.tidegrad.trainer.TrainerConfig;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.streams.StreamsConfig;

/// A trainer, and a joiner of the streams that its models learn from, in one process with one server of health and metrics.
/// Streams that can't go on stop alone. The process ends if the trainer can't go on, or a fault leaves nothing of the
/// process sound.
record TrainerWithJoiner(TrainerApp trainer, JoinerApp joiner) implements ProcessRun.Work {
    private static final String STATE = "joiner"; // of the joiner, in the trainer's state directory

    /// Starts a trainer, and a joiner too if the settings ask for it.
    ///
    /// @throws StopException if one of them can't begin; nothing is left running then
    static ProcessRun.Work start(Settings settings, TrainerConfig config) {
        TrainerApp trainer = TrainerApp.start(config);
        // A signal that comes until the joiner has begun is as SIGKILL to the trainer: it only costs a restore.
        if (!settings.flag(CliSettings.WITH_JOINER)) {
            return trainer;
        }
        try {
            return new TrainerWithJoiner(trainer,
                    JoinerApp.start(joiner(config), new JoinerApp.Beside(trainer.server(), trainer::isFor)));
        } catch (RuntimeException | Error e) { // without a close the process would stay and not join
            trainer.close();
            throw e;
        }
    }

    private static JoinerConfig joiner(TrainerConfig config) {
        // The trainer's interval would be the joiner's, too: 5 s, say, hide each example that long.
        Map<String, String> values = new HashMap<>(config.kafka().values());
        values.remove(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG);
        KafkaSettings kafka = new KafkaSettings(config.kafka().bootstrapServers(), values);
        return new JoinerConfig(kafka, config.registry(), config.prefix(), config.stateDir().resolve(STATE), List.of(),
                false, config.httpHost(), config.httpPort(), config.security(), 1, config.standbyReplicas(),
                config.replication(), config.deadLetterRetention());
    }

    @Override
    public CompletableFuture<StopException> ended() {
        return trainer.ended().applyToEither(joiner.ended(), why -> why);
    }

    @Override
    public int httpPort() {
        return trainer.httpPort();
    }

    @Override
    public boolean works() {
        return trainer.works() || joiner.works();
    }

    /// Closes both at the same time: each may take up to its last commit, and longer if Kafka is away.
    @Override
    public void close() {
        Thread joining = Thread.ofVirtual().name("stop-joiner").start(joiner::close);
        trainer.close();
        try {
            joining.join();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
