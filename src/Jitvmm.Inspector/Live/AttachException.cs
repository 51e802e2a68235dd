namespace Jitvmm.Inspector.Live;

/// <summary>A running guest cannot be inspected, or not any more.</summary>
public sealed class AttachException(string message, bool hasEnded = false) : Exception(message)
{
    /// <summary>It was there and is gone.</summary>
    public bool HasEnded { get; } = hasEnded;
}
