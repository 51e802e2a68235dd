namespace Jitvmm.Runtime.Paravirt;

/// <summary>How long the host kept a processor waiting, in the steps in which its guest is told.</summary>
internal sealed class StolenTime(IParavirtualHost host)
{
    /// <summary>Asking the host costs a system call; kernels look once a tick.</summary>
    private const long Interval = 1_000_000;

    private long _told;
    private long _asked;

    /// <summary>Leaves out what was before.</summary>
    public void Start()
    {
        _told = host.TimeKeptWaiting;
        _asked = host.Now;
    }

    /// <summary>What came since the latest call, ns; 0 when that was just now.</summary>
    public long Take()
    {
        long now = host.Now;
        if (now - _asked < Interval)
        {
            return 0;
        }

        _asked = now;
        long waited = host.TimeKeptWaiting;
        long stolen = Math.Max(waited - _told, 0);
        _told += stolen;
        return stolen;
    }
}
