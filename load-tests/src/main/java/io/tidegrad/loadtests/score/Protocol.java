package io.tidegrad.loadtests.score;

import io.tidegrad.loadtests.HttpLine;
import io.tidegrad.localstack.Json;
import io.tidegrad.localstack.streams.StreamEvent;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// In which words a scorer is asked over HTTP.
enum Protocol {
    /// One JSON object a record.
    V1 {
        @Override
        String path(String model) {
            return "/v1/models/" + model + "/score";
        }

        @Override
        String body(List<Map<String, Object>> records) {
            return Json.write(records.size() == 1 ? records.getFirst() : records);
        }
    },

    /// The Open Inference Protocol: one tensor a field.
    V2 {
        @Override
        String path(String model) {
            return "/v2/models/" + model + "/infer";
        }

        @Override
        String body(List<Map<String, Object>> records) {
            List<Map<String, Object>> inputs = new ArrayList<>();
            for (String field : records.getFirst().keySet()) {
                inputs.add(tensor(field, records.stream().map(each -> each.get(field)).toList()));
            }
            return Json.write(Map.of("inputs", inputs));
        }
    };

    abstract String path(String model);

    abstract String body(List<Map<String, Object>> records);

    /// Whole requests, each of some records: the questions in their order.
    List<byte[]> requests(String model, List<StreamEvent> questions, int recordsEach) {
        List<byte[]> requests = new ArrayList<>();
        for (int from = 0; from + recordsEach <= questions.size(); from += recordsEach) {
            List<Map<String, Object>> records =
                    questions.subList(from, from + recordsEach).stream().map(StreamEvent::toQuestion).toList();
            requests.add(HttpLine.post(path(model), body(records)));
        }
        return requests;
    }

    private static Map<String, Object> tensor(String field, List<Object> values) {
        Map<String, Object> tensor = new LinkedHashMap<>();
        tensor.put("name", field);
        if (values.getFirst() instanceof Collection<?> first) {
            tensor.put("shape", List.of(values.size(), first.size()));
            tensor.put("datatype", "INT32");
        } else {
            tensor.put("shape", List.of(values.size()));
            tensor.put("datatype", values.getFirst() instanceof Number ? "FP64" : "BYTES");
        }
        tensor.put("data", values);
        return tensor;
    }
}
