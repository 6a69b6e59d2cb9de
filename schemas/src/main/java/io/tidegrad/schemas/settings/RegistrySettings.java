package io.tidegrad.schemas.settings;

import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Pattern;

/// Where the schema registry is, and how to be let in.
///
/// @param values of `registry.*`, without that prefix
public record RegistrySettings(String url, Map<String, String> values) {
    private static final Pattern USER_INFO = Pattern.compile("//[^/@]*@");

    public RegistrySettings {
        values = Map.copyOf(values);
    }

    public static RegistrySettings of(String url) {
        return new RegistrySettings(url, Map.of());
    }

    /// For `SchemaRegistry.connect`.
    public Map<String, Object> client() {
        Map<String, Object> client = new HashMap<>(values);
        client.put("schema.registry.url", url);
        return client;
    }

    /// Without user and password.
    public String shownUrl() {
        return masked(url);
    }

    /// A text that may be a URL, without user and password.
    public static String masked(String url) {
        return USER_INFO.matcher(url).replaceAll("//***@");
    }

    /// Without values: passwords are among them.
    @Override
    public String toString() {
        return shownUrl() + " " + new TreeMap<>(values).keySet();
    }
}
