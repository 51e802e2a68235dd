using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Jitvmm.Inspector.Reports;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Jitvmm.Inspector.Web;

/// <summary>
/// Serves the page on the loopback address to one browser: whoever has the address that is printed, once (decision 0503).
/// </summary>
internal sealed class PageServer
{
    private const string Json = "application/json; charset=utf-8";

    private readonly Inspection _inspection;
    private readonly string _token = NewSecret();
    private readonly string _session = NewSecret();
    private int _tokenTaken;
    private int _port;

    private PageServer(Inspection inspection) => _inspection = inspection;

    /// <summary>A cookie is for all ports of a host: each server has its own.</summary>
    private string CookieName => string.Create(CultureInfo.InvariantCulture, $"jitvmm-inspect-{_port}");

    /// <summary>Serves until the process is told to end.</summary>
    public static void Run(Inspection inspection, int port)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(options =>
        {
            options.AddServerHeader = false;
            options.Limits.MaxConcurrentConnections = 32;
            options.Limits.MaxRequestBodySize = 0;
            options.Listen(IPAddress.Loopback, port);
        });
        using WebApplication application = builder.Build();
        PageServer server = new(inspection);
        application.Run(server.Answer);
        application.Start();
        server._port = new Uri(application.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        Console.Out.WriteLine($"http://127.0.0.1:{server._port}/?token={server._token}");
        Console.Out.Flush();
        application.WaitForShutdown();
    }

    private static string NewSecret() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));

    private static bool AreSame(string? given, string secret) => given != null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(secret));

    private async Task Answer(HttpContext context)
    {
        HttpResponse response = context.Response;
        response.Headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        response.Headers.XContentTypeOptions = "nosniff";
        response.Headers["Referrer-Policy"] = "no-referrer";
        response.Headers.CacheControl = "no-store";

        // A name that somebody's name server gave our address is refused, however the browser came to it.
        if (context.Request.Host.Value != $"127.0.0.1:{_port}" && context.Request.Host.Value != $"localhost:{_port}")
        {
            await Refuse(response, StatusCodes.Status421MisdirectedRequest, "this is not the address of the page").ConfigureAwait(false);
        }
        else if (!HttpMethods.IsGet(context.Request.Method))
        {
            await Refuse(response, StatusCodes.Status405MethodNotAllowed, "nothing can be changed here").ConfigureAwait(false);
        }
        else if (AreSame(context.Request.Cookies[CookieName], _session))
        {
            await Serve(context).ConfigureAwait(false);
        }
        else if (AreSame(context.Request.Query["token"], _token) && Interlocked.Exchange(ref _tokenTaken, 1) == 0)
        {
            response.Cookies.Append(CookieName, _session, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Strict, Path = "/" });
            response.Redirect("/");
        }
        else
        {
            await Refuse(response, StatusCodes.Status403Forbidden, "the address is good for one browser: start jitvmm inspect again for another").ConfigureAwait(false);
        }
    }

    private static async Task Refuse(HttpResponse response, int status, string reason)
    {
        response.StatusCode = status;
        response.ContentType = "text/plain; charset=utf-8";
        await response.WriteAsync($"{reason}\n").ConfigureAwait(false);
    }

    private async Task Serve(HttpContext context)
    {
        string path = context.Request.Path.Value ?? "/";
        if (path.StartsWith("/data/", StringComparison.Ordinal))
        {
            if (Data(path[6..], context.Request.Query) is { } data)
            {
                context.Response.ContentType = Json;
                await context.Response.Body.WriteAsync(data).ConfigureAwait(false);
                return;
            }
        }
        else if (PageFiles.Read(path == "/" ? PageFiles.Page : path[1..]) is { } text)
        {
            context.Response.ContentType = path.EndsWith(".js", StringComparison.Ordinal) ? "text/javascript; charset=utf-8" : path.EndsWith(".css", StringComparison.Ordinal) ? "text/css; charset=utf-8" : "text/html; charset=utf-8";
            await context.Response.WriteAsync(text).ConfigureAwait(false);
            return;
        }

        await Refuse(context.Response, StatusCodes.Status404NotFound, "there is nothing of this name").ConfigureAwait(false);
    }

    private byte[]? Data(string name, IQueryCollection query)
    {
        CacheView view = _inspection.View;
        switch (name)
        {
            case "overview":
                return _inspection.Overview(int.TryParse(query["from"], NumberStyles.None, CultureInfo.InvariantCulture, out int from) ? from : 0);
            case "search":
                return Inspection.Json(PageData.Search(view, query["text"].ToString()));
            case "region":
                return PageData.Region(view, query["address"].ToString()) is { } report ? Inspection.Json(report) : null;
            case "invalidations":
                return Inspection.Json(PageData.Invalidations(view));
            case "exits":
                return Inspection.Json(PageData.Exits(view));
            default:
                return null;
        }
    }
}
