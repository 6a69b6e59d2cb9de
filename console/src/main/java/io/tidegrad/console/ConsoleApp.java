package io.tidegrad.console;

import io.tidegrad.control.BootstrapServers;
import io.tidegrad.control.ControlException;
import io.tidegrad.process.ExitCode;
import io.tidegrad.process.ProcessRun;
import io.tidegrad.process.StopException;
import io.tidegrad.schemas.SchemaRegistry;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.common.KafkaException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A console: a thread that reads the topics into a `Picture`, and a server that shows it.
public final class ConsoleApp implements ProcessRun.Work {
    private static final Logger LOG = LoggerFactory.getLogger(ConsoleApp.class);

    private final Picture picture;
    private final CompletableFuture<StopException> ended = new CompletableFuture<>();
    private final SchemaRegistry registry;
    private final TopicsFollower follower;
    private final ConsoleServer server;

    private ConsoleApp(ConsoleConfig config) {
        try {
            BootstrapServers.requireOne(config.kafka().bootstrapServers());
        } catch (ControlException e) {
            throw StopException.of(e);
        }
        Rollback rollback = config.rollback();
        picture = new Picture(config.shown());
        registry = SchemaRegistry.connect(config.registry().client());
        ScorerAddress scorer = config.scorer();
        server = ConsoleServer.start(config, picture,
                rollback == null ? null : new DecisionDesk(config.kafka(), config.topics(), rollback), scorer == null
                        ? null : new TryEndpoint(picture, new NewestEvents(config.kafka(), config.registry()), scorer));
        try {
            follower = new TopicsFollower(config.kafka(), config.topics(), registry, picture,
                    why -> end(StopException.from(why)));
        } catch (KafkaException e) {
            server.close();
            throw StopException.from(e);
        }
        follower.start();
        server.ended().thenAccept(why -> end(new StopException(ExitCode.RETRYABLE, why)));
    }

    private void end(StopException why) {
        LOG.error("stopped (exit code {}): {}", why.exitCode().status(), why.getMessage());
        ended.complete(why);
    }

    /// @throws StopException if no broker answers, a setting is refused or the port is taken
    public static ConsoleApp start(ConsoleConfig config) {
        return new ConsoleApp(config);
    }

    @Override
    public CompletableFuture<StopException> ended() {
        return ended;
    }

    @Override
    public int httpPort() {
        return server.port();
    }

    @Override
    public boolean works() {
        return picture.status().caughtUp();
    }

    @Override
    public void close() {
        picture.close(); // first, so that no stream of events keeps the server
        server.close();
        follower.close();
        registry.close();
    }
}
