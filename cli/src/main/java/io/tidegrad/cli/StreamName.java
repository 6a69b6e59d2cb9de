package io.tidegrad.cli;

import io.tidegrad.localstack.streams.ShippedStream;
import java.util.Locale;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// Converts the name of a shipped stream.
final class StreamName implements ITypeConverter<ShippedStream> {
    @Override
    public ShippedStream convert(String value) {
        for (ShippedStream stream : ShippedStream.values()) {
            if (stream.label().equals(value.toLowerCase(Locale.ROOT))) {
                return stream;
            }
        }
        throw new TypeConversionException("expected flights or digits, found '" + value + "'");
    }
}
