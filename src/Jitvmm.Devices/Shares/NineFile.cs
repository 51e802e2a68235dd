namespace Jitvmm.Devices.Shares;

/// <summary>What a guest's fid stands for: a place in the share, and an open file once it was opened.</summary>
internal sealed class NineFile(int place) : IDisposable
{
    public const int NotOpen = -1;

    /// <summary>Names the place; cannot be read or written.</summary>
    public int Place { get; private set; } = place;

    /// <summary>The opened file, or <see cref="NotOpen"/>.</summary>
    public int Open { get; set; } = NotOpen;

    /// <summary>Becomes another place, which was created in this one.</summary>
    public void Move(int place)
    {
        HostFiles.Close(Place);
        Place = place;
    }

    public void Dispose()
    {
        HostFiles.Close(Place);
        if (Open != NotOpen)
        {
            HostFiles.Close(Open);
        }
    }
}
