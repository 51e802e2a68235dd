namespace Jitvmm.Devices.Xen;

/// <summary>
/// Has something served when it is rung, on the ringing thread. A guest that makes work as fast as it is done would keep a processor's thread for ever, and with it a pause of the machine:
/// after some rounds the work goes on elsewhere.
/// </summary>
/// <param name="serve">Does a bounded part of what there is, under a lock of its own; whether there may be more.</param>
internal sealed class Doorbell(Func<bool> serve)
{
    private const int Rounds = 16;

    private int _isQueued;

    public void Ring()
    {
        for (int i = 0; i < Rounds; i++)
        {
            if (!serve())
            {
                return;
            }
        }

        if (Interlocked.Exchange(ref _isQueued, 1) == 0)
        {
            _ = ThreadPool.UnsafeQueueUserWorkItem(static bell => bell.GoOn(), this, preferLocal: false);
        }
    }

    private void GoOn()
    {
        Volatile.Write(ref _isQueued, 0);
        Ring();
    }
}
