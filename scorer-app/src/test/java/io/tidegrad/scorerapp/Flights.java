package io.tidegrad.scorerapp;

import com.fasterxml.jackson.databind.JsonNode;
import io.tidegrad.scorer.TestTrainer;
import io.tidegrad.scorerapp.RawHttp.Answer;
import java.util.Arrays;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The test trainer's events as a client sends them, and what comes back.
final class Flights {
    private Flights() {}

    /// A request's body.
    static byte[] records(long[] offsets) {
        return RawHttp.bytes(Arrays.stream(offsets).mapToObj(offset -> record(TestTrainer.event(offset).fields()))
                .collect(Collectors.joining(",", "[", "]")));
    }

    private static String record(Map<String, ?> fields) {
        return fields.entrySet().stream()
                .map(field -> "\"" + field.getKey() + "\": "
                        + (field.getValue() instanceof String text ? "\"" + text + "\"" : field.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
    }

    /// The same of an inference.
    static String tensors(long[] offsets) {
        return Stream.of("departed INT64", "distance FP64", "origin BYTES", "destination BYTES")
                .map(field -> tensor(field.split(" ")[0], field.split(" ")[1], offsets))
                .collect(Collectors.joining(", ", "{\"inputs\": [", "]}"));
    }

    private static String tensor(String name, String type, long[] offsets) {
        String quote = type.equals("BYTES") ? "\"" : "";
        return Arrays.stream(offsets).mapToObj(offset -> quote + TestTrainer.event(offset).get(name) + quote).collect(
                Collectors.joining(", ", "{\"name\": \"%s\", \"shape\": [%d], \"datatype\": \"%s\", \"data\": ["
                        .formatted(name, offsets.length, type), "]}"));
    }

    /// The probability of each record, with the bits that it was written from.
    static float[] answers(Answer answer) {
        JsonNode predictions = answer.json().get("predictions");
        float[] answers = new float[predictions.size()];
        for (int i = 0; i < answers.length; i++) {
            answers[i] = Float.parseFloat(predictions.get(i).get("probabilities").get(0).asText());
        }
        return answers;
    }
}
