package io.tidegrad.cli.golden;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import io.tidegrad.engine.kernel.Kernels;
import io.tidegrad.engine.layer.ShapeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// One case file, run through the engine that learns and serves, with the process's kernels, or through the evaluation.
public final class GoldenCase {
    private static final ObjectMapper JSON = JsonMapper.builder().enable(JsonParser.Feature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

    private static final int SCHEMA = 1;

    private GoldenCase() {}

    /// @throws GoldenException if the file can't be read or is not a case
    public static Outcome run(Path file, Kernels kernels) {
        try {
            Fields golden = new Fields("", JSON.readTree(Files.readString(file)));
            return run(golden, kernels);
        } catch (JsonProcessingException e) {
            throw new GoldenException(file + ": expected JSON, found " + e.getOriginalMessage());
        } catch (IOException e) {
            throw new GoldenException(file + ": can't be read: " + e);
        } catch (GoldenException e) {
            throw new GoldenException(file + ": " + e.getMessage());
        }
    }

    private static Outcome run(Fields golden, Kernels kernels) {
        try {
            if (golden.count("schema") != SCHEMA) {
                throw new UnsupportedException("schema " + golden.count("schema"));
            }
            golden.ignore("name", "description", "source", "float32_reference_error");
            Comparison comparison = Comparison.of(golden);
            String kind = golden.text("kind");
            switch (kind) {
                case "layer" -> LayerCase.run(golden, comparison, kernels);
                case "loss" -> LossCase.run(golden, comparison, kernels);
                case "optimizer", "model" -> TrainingCase.run(golden, comparison, kernels);
                case "schedule" -> ScheduleCase.run(golden, comparison);
                case "init" -> InitializationCase.run(golden, comparison);
                case "metric" -> MetricCase.run(golden, comparison);
                case "drift" -> DriftCase.run(golden, comparison);
                default -> throw new UnsupportedException("kind " + kind);
            }
            return new Outcome.Passed();
        } catch (UnsupportedException e) {
            return new Outcome.Skipped(String.valueOf(e.getMessage()));
        } catch (ShapeException e) {
            return new Outcome.Skipped(String.valueOf(e.getMessage()));
        } catch (IndexOutOfBoundsException e) {
            throw new GoldenException("inputs: " + e.getMessage());
        } catch (Comparison.DifferenceException e) {
            return new Outcome.Failed(String.valueOf(e.getMessage()));
        }
    }
}
