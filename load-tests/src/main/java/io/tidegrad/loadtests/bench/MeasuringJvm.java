package io.tidegrad.loadtests.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import io.tidegrad.loadtests.LoadTest;
import io.tidegrad.loadtests.LoadTestException;
import io.tidegrad.localstack.ParentWatch;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// A JVM that measures one thing, prints lines of JSON and ends. It runs with this one's flags, on its class path.
///
/// @param moreFlags of the JVM
/// @param moreClassPath behind this JVM's own
/// @param environment set besides
public record MeasuringJvm(List<String> moreFlags, List<Path> moreClassPath, Map<String, String> environment) {
    public static final MeasuringJvm LIKE_THIS = new MeasuringJvm(List.of(), List.of(), Map.of());

    /// @param what is measured, for messages
    /// @param main a class and its arguments
    /// @throws LoadTestException it failed, or printed something else
    void run(String what, List<String> main, Consumer<Measurement> done) {
        lines(what, main, line -> {
            try {
                done.accept(Measurement.fromJson(line));
            } catch (JsonProcessingException e) {
                throw new LoadTestException("the JVM that measured " + what + " printed no JSON: " + e.getMessage());
            }
        });
    }

    /// As `run`, whatever the lines are.
    ///
    /// @throws LoadTestException it failed
    public void lines(String what, List<String> main, Consumer<String> line) {
        List<String> command =
                new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(LoadTest.loggingFlags());
        command.addAll(moreFlags);
        command.addAll(
                List.of("-cp",
                        Stream.concat(Stream.of(System.getProperty("java.class.path")),
                                moreClassPath.stream().map(Path::toString))
                                .collect(Collectors.joining(File.pathSeparator))));
        command.add(ParentWatch.class.getName());
        command.addAll(main);
        ProcessBuilder builder = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT);
        builder.environment().putAll(environment);
        try {
            Process process = builder.start();
            try (BufferedReader output = process.inputReader()) {
                output.lines().forEach(line);
            }
            int status = process.waitFor();
            if (status != 0) {
                throw new LoadTestException("the JVM that measured " + what + " ended with status " + status);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new LoadTestException("interrupted while measuring " + what);
        }
    }
}
