package io.tidegrad.scorerapp;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import io.tidegrad.model.feature.Event;
import io.tidegrad.model.feature.MapEvent;
import io.tidegrad.schemas.JsonRecord;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/// Reads events from a request's body. A JSON object is one record, an array of objects several. They nest as the
/// model's fields do. The input can't name a type, and no name may occur twice in an object.
///
/// @param passedOver which names that no feature reads are ignored instead of refused
record RecordReader(RecordFields fields, Predicate<String> passedOver) {
    /// @throws HttpProblem 400 if the body is not JSON, does not have this form or has a name that no feature reads
    List<Event> read(byte[] body, int length) {
        List<Event> events = StrictJson.read(body, length, this::records);
        if (events.isEmpty()) {
            throw new HttpProblem(ProblemReason.NO_RECORDS, "expected at least one record, found []");
        }
        return events;
    }

    private List<Event> records(JsonParser parser) throws IOException {
        List<Event> events = new ArrayList<>();
        JsonToken first = parser.currentToken();
        if (first == JsonToken.START_OBJECT) {
            events.add(record(parser, 0));
        } else if (first == JsonToken.START_ARRAY) {
            while (parser.nextToken() != JsonToken.END_ARRAY) {
                if (parser.currentToken() != JsonToken.START_OBJECT) {
                    throw new HttpProblem(ProblemReason.NOT_A_RECORD, events.size(), "expected a JSON object, found "
                            + StrictJson.describe(parser.currentToken()) + StrictJson.at(parser));
                }
                events.add(record(parser, events.size()));
            }
        } else {
            throw new HttpProblem(ProblemReason.BAD_JSON,
                    "expected one record, {...}, or an array of records, [{...}, ...], found "
                            + StrictJson.describe(first));
        }
        return events;
    }

    private Event record(JsonParser parser, int index) throws IOException {
        return new MapEvent(JsonRecord.read(parser, fields.tree(), new Policy(index)));
    }

    /// A mistake refuses the request.
    private final class Policy implements JsonRecord.Policy {
        private final int record;

        Policy(int record) {
            this.record = record;
        }

        @Override
        public void unknown(String path) {
            if (!passedOver.test(path)) {
                throw fields.unknown(path, record);
            }
        }

        @Override
        public Object text(String field, String text) {
            return fields.text(text, field, record);
        }

        @Override
        public String whole(String text) {
            return StrictJson.wholeText(text, record);
        }

        @Override
        public Object misplaced(String path, String found, JsonParser parser) {
            throw fields.wrongType(path, record, found + StrictJson.at(parser));
        }

        @Override
        public boolean isListOfAny(String field) {
            return fields.isList(field);
        }
    }
}
