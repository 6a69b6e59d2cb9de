package io.tidegrad.model.spec;

import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Predicate;

/// All kinds of one part of a spec: its losses, its optimizers. Messages list them in this order.
final class Forms<T> {
    private final Map<String, Form<? extends T>> byName = new LinkedHashMap<>();
    private final Map<Class<?>, Form<? extends T>> byType = new HashMap<>();

    Forms(List<Form<? extends T>> forms) {
        for (Form<? extends T> form : forms) {
            byName.put(form.name(), form);
            byType.put(form.type(), form);
        }
    }

    String[] names(Predicate<Form<?>> which) {
        return byName.values().stream().filter(which).map(Form::name).toArray(String[]::new);
    }

    /// The types of the parts.
    Set<Class<?>> types() {
        return Set.copyOf(byType.keySet());
    }

    Form<? extends T> named(String name) {
        return Objects.requireNonNull(byName.get(name), name);
    }

    /// @throws IllegalStateException for a part that no spec can name
    Form<? extends T> of(T part) {
        Form<? extends T> form = byType.get(part.getClass());
        if (form == null) {
            throw new IllegalStateException("no spec can name " + part);
        }
        return form;
    }

    /// As the value of a key: `adam` or `{adam: {rate: 0.01}}`.
    String inBraces(T part) {
        return of(part).inBraces(part);
    }
}
