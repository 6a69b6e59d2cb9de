/// The console: what the topics tell of every model, kept in memory and shown as a page.
@NullMarked
package io.tidegrad.console;

import org.jspecify.annotations.NullMarked;
