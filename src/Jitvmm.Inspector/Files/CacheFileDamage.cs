namespace Jitvmm.Inspector.Files;

/// <summary>What is wrong with a cache file.</summary>
public enum CacheFileDamage
{
    /// <summary>It cannot be opened or read.</summary>
    Unreadable,

    /// <summary>It does not begin as one.</summary>
    NotACacheFile,

    /// <summary>It has a format this program does not know.</summary>
    UnknownVersion,

    /// <summary>It is shorter than it says.</summary>
    Truncated,

    /// <summary>It is longer than it says, or than this program reads.</summary>
    TooLong,

    /// <summary>Its header is not what was written.</summary>
    HeaderChecksum,

    /// <summary>Its table of sections names places outside it, overlaps, or repeats.</summary>
    SectionTable,

    /// <summary>A section that must be there is not.</summary>
    MissingSection,

    /// <summary>A section is not what was written.</summary>
    SectionChecksum,

    /// <summary>A record points to what is not there.</summary>
    Reference,

    /// <summary>A record says what cannot be.</summary>
    Value,

    /// <summary>Text is not UTF-8.</summary>
    Text,
}

/// <summary>A cache file cannot be used.</summary>
public sealed class CacheFileException(CacheFileDamage damage, string message, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What kind of damage.</summary>
    public CacheFileDamage Damage { get; } = damage;
}
