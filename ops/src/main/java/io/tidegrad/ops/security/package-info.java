/// How clients know who a server is, and how a server knows whom to let in: its certificate and the tokens of clients, both
/// read again when their files change.
@NullMarked
package io.tidegrad.ops.security;

import org.jspecify.annotations.NullMarked;
