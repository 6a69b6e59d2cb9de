package io.tidegrad.schemas;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class FieldPathTest {
    @Test
    void whatIsPutIsFoundThereAndPathsThroughOneListFillTheSameObjects() {
        Map<String, Object> values = new TreeMap<>(Map.of("at", 5L, "merchant.country", "DE", "merchant.address.zip",
                "1", "attributes[a.b]", "web", "tags[]", List.of("x", "y"), "items[].sku", List.of("p", "q"),
                "items[].price", List.of(0.5, 1.5), "items[].maker.name", List.of("m", "n")));
        Map<String, @Nullable Object> event = new HashMap<>();
        values.forEach((path, value) -> FieldPath.parse(path).put(event, value));
        values.forEach((path, value) -> assertThat(FieldPath.parse(path).in(event)).as(path).isEqualTo(value));
        assertThat(event).containsEntry("merchant", Map.of("country", "DE", "address", Map.of("zip", "1")))
                .containsEntry("attributes", Map.of("a.b", "web")).containsEntry("tags", List.of("x", "y"))
                .containsEntry("items", List.of(Map.of("sku", "p", "price", 0.5, "maker", Map.of("name", "m")),
                        Map.of("sku", "q", "price", 1.5, "maker", Map.of("name", "n"))));
    }

    @Test
    void whatIsNoListWhereThePathGoesThroughOneStaysWhatItIs() {
        Map<String, @Nullable Object> event = new HashMap<>();
        FieldPath.parse("items[].sku").put(event, "p");
        assertThat(event).containsExactly(Map.entry("items", "p"));
    }

    @Test
    void aListThatCanNotBeChangedIsReplacedByOneOfTheObjectsThatAPathFills() {
        Map<String, @Nullable Object> event = new HashMap<>();
        FieldPath.parse("items").put(event, List.of("a", "b"));
        FieldPath.parse("items[].sku").put(event, List.of("p", "q"));
        FieldPath.parse("items[].price").put(event, List.of(1.0, 2.0));
        assertThat(event).containsExactly(
                Map.entry("items", List.of(Map.of("sku", "p", "price", 1.0), Map.of("sku", "q", "price", 2.0))));
    }
}
