package io.tidegrad.console;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.ServerRequest;
import java.util.Locale;
import java.util.regex.Pattern;

/// Tells requests of the console's own page from those of other sites' pages in the same browser. `Host` is the site that
/// the browser believes to talk to: a name that is not the console's is one whose owner let it point here (DNS
/// rebinding). `Origin` is the site whose page asks.
///
/// @param httpHost on which the console listens
/// @param tls whether its certificate tells the browser already who it is
record OwnSite(String httpHost, boolean tls) {
    private static final Pattern ADDRESS = Pattern.compile("[0-9]{1,3}(\\.[0-9]{1,3}){3}|\\[[0-9a-f:.]+]");
    private static final Pattern PORT = Pattern.compile(":[0-9]*$");

    /// Nobody can let an address point anywhere.
    boolean isNamedBy(ServerRequest request) {
        String name = PORT.matcher(host(request)).replaceFirst("");
        return tls || ADDRESS.matcher(name).matches() || name.equals("localhost")
                || name.equals(httpHost.toLowerCase(Locale.ROOT));
    }

    /// A browser says from which site's page each request comes that could change something.
    boolean asks(ServerRequest request) {
        String origin = request.headers().first(HeaderNames.ORIGIN).orElse("").toLowerCase(Locale.ROOT);
        String host = host(request);
        return !host.isEmpty() && (origin.equals("http://" + host) || origin.equals("https://" + host));
    }

    private static String host(ServerRequest request) {
        return request.headers().first(HeaderNames.HOST).orElse("").toLowerCase(Locale.ROOT);
    }
}
