namespace Jitvmm.Inspector.Symbols;

/// <summary>A file of symbols cannot be used; the message says why.</summary>
public sealed class SymbolFileException(string message, Exception? inner = null) : Exception(message, inner);
