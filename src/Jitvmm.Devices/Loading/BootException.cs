namespace Jitvmm.Devices.Loading;

/// <summary>A machine cannot be started as asked; the message is one line for the user.</summary>
public sealed class BootException(string message) : Exception(message);
