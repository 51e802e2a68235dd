namespace Jitvmm.Cli;

/// <summary>A command line that means nothing; the message is for the person who wrote it.</summary>
internal sealed class UsageException(string message) : Exception(message);
